use super::{DenseConfig, deeplab_plus, dilated, fcn, unet, unet_resnet};
use crate::ModelEntry;

/// The entry of a U-Net narrowed to what was configured of it; any other as it is.
pub(crate) fn narrowed(entry: ModelEntry, config: &DenseConfig) -> ModelEntry {
    if entry.name != unet::NAME {
        return entry;
    }
    let single_value_size = match (config.batch_norm, config.depth) {
        (Some(false), _) => 0,
        // Greater depths are refused where the model is built.
        (_, depth) => single_value_size(depth.unwrap_or(unet::DEPTH).min(16)),
    };
    ModelEntry { single_value_size, ..entry }
}

/// What a family's members have in common.
struct Family {
    name: &'static str,
    single_value_size: usize,
    least_pictures: usize,
    head: &'static str,
    paper: &'static str,
}

const UNET: Family = Family {
    name: "U-Net",
    single_value_size: single_value_size(unet::DEPTH),
    least_pictures: 1,
    head: unet::HEAD,
    paper: "Ronneberger et al., U-Net, 2015, arXiv:1505.04597",
};
/// Five halvings, rounded up, leave one pixel of 32.
const UNET_RESNET: Family = Family { single_value_size: 32, head: unet_resnet::HEAD, ..UNET };
const FCN_RESNET: Family = Family {
    name: "FCN",
    single_value_size: 32,
    least_pictures: 1,
    head: fcn::HEAD,
    paper: "Long et al., Fully Convolutional Networks for Semantic Segmentation, 2015, arXiv:1411.4038",
};
const FCN_VGG: Family = Family { single_value_size: 0, ..FCN_RESNET };
/// Three halvings, rounded up, leave one pixel of 8.
const FCN_DILATED: Family = Family { single_value_size: 8, head: dilated::HEAD, ..FCN_RESNET };
/// The mean of each picture is normalized.
const DEEPLAB: Family = Family {
    name: "DeepLabV3",
    single_value_size: 0,
    least_pictures: 2,
    head: dilated::HEAD,
    paper: "Chen et al., Rethinking Atrous Convolution for Semantic Image Segmentation, 2017, arXiv:1706.05587",
};
const DEEPLAB_PLUS: Family = Family {
    name: "DeepLabV3+",
    head: deeplab_plus::HEAD,
    paper: "Chen et al., Encoder-Decoder with Atrous Separable Convolution, 2018, arXiv:1802.02611",
    ..DEEPLAB
};

/// Names, with their parameters and multiply-adds as PyTorch counts them in the same model
/// (`fixtures/dense/generate.py`).
const MODELS: [(&str, Family, usize, u64); 12] = [
    ("unet", UNET, 31_038_933, 36_942_381_056),
    ("unet_resnet18", UNET_RESNET, 14_331_109, 4_277_403_648),
    ("unet_resnet34", UNET_RESNET, 24_439_269, 6_127_091_712),
    ("unet_resnet50", UNET_RESNET, 32_524_005, 8_285_061_120),
    ("fcn32_resnet18", FCN_RESNET, 12_993_621, 1_902_598_656),
    ("fcn32_vgg16", FCN_VGG, 136_152_917, 21_296_701_440),
    ("fcn16_vgg16", FCN_VGG, 134_815_994, 21_299_154_576),
    ("fcn8_vgg16", FCN_VGG, 134_489_759, 21_304_752_336),
    ("fcn_resnet50", FCN_DILATED, 32_957_013, 26_484_498_432),
    ("deeplabv3_resnet50", DEEPLAB, 39_638_869, 31_310_548_992),
    ("deeplabv3_resnet101", DEEPLAB, 58_630_997, 46_159_433_728),
    ("deeplabv3plus_resnet50", DEEPLAB_PLUS, 40_352_181, 13_250_199_552),
];

/// The longest side of which halving `depth` times, rounding down, leaves one pixel.
const fn single_value_size(depth: usize) -> usize {
    (2 << depth) - 1
}

/// Every model that [`build_dense`](crate::build_dense) knows.
#[must_use]
pub fn dense_catalogue() -> Vec<ModelEntry> {
    let entry = |(name, family, parameters, multiply_adds): (_, Family, _, _)| ModelEntry {
        name,
        family: family.name,
        parameters,
        multiply_adds,
        least_size: 1,
        single_value_size: family.single_value_size,
        least_pictures: family.least_pictures,
        head: family.head,
        paper: family.paper,
    };
    MODELS.into_iter().map(entry).collect()
}
