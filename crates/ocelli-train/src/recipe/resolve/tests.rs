use super::*;
use crate::recipe::Task;

fn resolved(content: &str) -> Result<Recipe, String> {
    let text = RecipeText::new("recipe.toml".into(), content.into());
    let (recipe, text) = text.parse(&[]).map_err(|error| error.to_string())?;
    resolve(recipe, &text).map_err(|error| error.to_string())
}

#[test]
fn an_empty_recipe_trains_on_the_sample_data_and_has_every_default_written_out() {
    let recipe = resolved("").unwrap();
    assert_eq!(recipe.task, Task::Classify);
    assert!(recipe.data.train.starts_with("synth://birds"));
    let text = recipe.to_toml().unwrap();
    for key in [
        "random_resized_crop",
        "scale",
        "center_crop",
        "betas",
        "weight_decay",
        "epochs",
        "on_broken",
    ] {
        assert!(text.contains(key), "{key} is missing in:\n{text}");
    }
}

#[test]
fn a_resolved_recipe_resolves_to_itself() {
    let recipe = resolved(
        "[optimizer]\nname = \"sgd\"\nlr = 0.1\n[schedule]\nname = \"cosine\"\nwarmup_epochs = 2\n",
    )
    .unwrap();
    assert_eq!(resolved(&recipe.to_toml().unwrap()).unwrap(), recipe);
}

#[test]
fn each_value_out_of_range_names_its_key() {
    for (content, key) in [
        ("[data]\nsize = 0", "data.size"),
        ("[data]\nsize = [64, 1000000]", "data.size"),
        ("[data]\nval = 1.5", "data.val"),
        ("[data]\nmax_megapixels = 0", "data.max_megapixels"),
        ("[data]\nworkers = 100000", "data.workers"),
        ("[data]\nprefetch_batches = 0", "data.prefetch_batches"),
        ("[data]\nname_pattern = \"(.*)_\"", "data.name_pattern"),
        ("[data]\naugment = [{ random_horizontal_flip = { p = 2 } }]", "data.augment"),
        ("[train]\nbatch_size = 0", "train.batch_size"),
        ("[train]\naccumulate = 0", "train.accumulate"),
        ("[train]\naccumulate = 9223372036854775807", "train.accumulate"),
        ("[data]\ncache = \"disk\"", "data.cache"),
        ("[data]\ncache_folder = \"here\"", "data.cache_folder"),
        ("[train]\nloss = { name = \"cross_entropy\", label_smoothing = 1.5 }", "label_smoothing"),
        ("[train]\nema = { decay = -0.1 }", "decay"),
        ("[data]\nsize = 32\n[train]\nbatch_size = 1", "train.batch_size"),
        ("[model]\nname = \"vgg11\"\n[data]\nsize = [31, 64]", "data.size"),
        ("[train]\nclip_norm = -1", "train.clip_norm"),
        ("[train]\nmix_probability = 2", "train.mix_probability"),
        ("[train]\nepochs = 3\nsnapshots = [\"first\", 4]", "train.snapshots"),
        ("[train]\nunfreeze_epoch = 2", "train.unfreeze_epoch"),
        ("[train]\nfreeze = \"head\"\nunfreeze_epoch = 1", "train.unfreeze_epoch"),
        ("[train]\nepochs = 3\nfreeze = \"head\"\nunfreeze_epoch = 4", "train.unfreeze_epoch"),
        ("[optimizer]\nlr = -1.0", "`lr`"),
        ("[optimizer]\nlayer_decay = 0", "`layer_decay`"),
        ("[optimizer]\ngroups = [{ parameters = \"head\", lr_scale = -1 }]", "`groups`"),
        ("[optimizer]\nname = \"adamw\"\nmomentum = 0.9", "`momentum`"),
        ("[schedule]\nname = \"constant\"\ngamma = 0.1", "`gamma`"),
    ] {
        let error = resolved(content).unwrap_err();
        assert!(error.contains(key), "{content:?} gave: {error}");
        assert!(error.contains("recipe.toml:"), "{content:?} has no place: {error}");
    }
}

#[test]
fn a_model_without_batch_normalization_learns_from_single_pictures() {
    let single = |model: &str| {
        resolved(&format!(
            "[model]\nname = \"{model}\"\n[data]\nsize = 32\n[train]\nbatch_size = 1"
        ))
    };
    assert!(single("convnext_tiny").is_ok() && single("vgg11_bn").is_ok());
    assert!(single("efficientnet_v2_s").is_err() && single("mobilenet_v3_large").is_err());
}
