//! torchvision's published weights.

/// Where they are.
pub(crate) const FOLDER: &str = "https://download.pytorch.org/models/";

/// Model, name of the weights (a model's newest last), file. The eight digits at the end of a file's
/// name begin its SHA-256.
pub(crate) const FILES: [[&str; 3]; 28] = [
    ["resnet18", "IMAGENET1K_V1", "resnet18-f37072fd.pth"],
    ["resnet34", "IMAGENET1K_V1", "resnet34-b627a593.pth"],
    ["resnet50", "IMAGENET1K_V1", "resnet50-0676ba61.pth"],
    ["resnet50", "IMAGENET1K_V2", "resnet50-11ad3fa6.pth"],
    ["resnet101", "IMAGENET1K_V1", "resnet101-63fe2227.pth"],
    ["resnet101", "IMAGENET1K_V2", "resnet101-cd907fc2.pth"],
    ["resnet152", "IMAGENET1K_V1", "resnet152-394f9c45.pth"],
    ["resnet152", "IMAGENET1K_V2", "resnet152-f82ba261.pth"],
    ["wide_resnet50_2", "IMAGENET1K_V1", "wide_resnet50_2-95faca4d.pth"],
    ["wide_resnet50_2", "IMAGENET1K_V2", "wide_resnet50_2-9ba9bcbe.pth"],
    ["efficientnet_v2_s", "IMAGENET1K_V1", "efficientnet_v2_s-dd5fe13b.pth"],
    ["efficientnet_v2_m", "IMAGENET1K_V1", "efficientnet_v2_m-dc08266a.pth"],
    ["efficientnet_v2_l", "IMAGENET1K_V1", "efficientnet_v2_l-59c71312.pth"],
    ["vgg11", "IMAGENET1K_V1", "vgg11-8a719046.pth"],
    ["vgg11_bn", "IMAGENET1K_V1", "vgg11_bn-6002323d.pth"],
    ["vgg13", "IMAGENET1K_V1", "vgg13-19584684.pth"],
    ["vgg13_bn", "IMAGENET1K_V1", "vgg13_bn-abd245e5.pth"],
    ["vgg16", "IMAGENET1K_FEATURES", "vgg16_features-amdegroot-88682ab5.pth"],
    ["vgg16", "IMAGENET1K_V1", "vgg16-397923af.pth"],
    ["vgg16_bn", "IMAGENET1K_V1", "vgg16_bn-6c64b313.pth"],
    ["vgg19", "IMAGENET1K_V1", "vgg19-dcbb9e9d.pth"],
    ["vgg19_bn", "IMAGENET1K_V1", "vgg19_bn-c79401a0.pth"],
    ["mobilenet_v3_large", "IMAGENET1K_V1", "mobilenet_v3_large-8738ca79.pth"],
    ["mobilenet_v3_large", "IMAGENET1K_V2", "mobilenet_v3_large-5c1a4163.pth"],
    ["convnext_tiny", "IMAGENET1K_V1", "convnext_tiny-983f1562.pth"],
    ["fcn_resnet50", "COCO_WITH_VOC_LABELS_V1", "fcn_resnet50_coco-1167a1af.pth"],
    ["deeplabv3_resnet50", "COCO_WITH_VOC_LABELS_V1", "deeplabv3_resnet50_coco-cd0a2569.pth"],
    ["deeplabv3_resnet101", "COCO_WITH_VOC_LABELS_V1", "deeplabv3_resnet101_coco-586e9e4e.pth"],
];

/// The file of a model's weights; `DEFAULT` are the newest. Else the names there are.
pub(crate) fn file(model: &str, weights: &str) -> Result<&'static str, Vec<&'static str>> {
    let of_model = || FILES.iter().filter(|[name, ..]| *name == model);
    let found = if weights == "DEFAULT" {
        of_model().next_back()
    } else {
        of_model().find(|[_, name, _]| *name == weights)
    };
    found.map(|[.., file]| *file).ok_or_else(|| of_model().map(|[_, name, _]| *name).collect())
}

/// The digits of a file's SHA-256 that its name has.
pub(crate) fn digest(file: &str) -> Option<&str> {
    let (_, digits) = file.strip_suffix(".pth")?.rsplit_once('-')?;
    (digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(digits)
}
