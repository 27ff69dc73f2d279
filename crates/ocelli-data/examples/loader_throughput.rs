//! Prints how many pictures a second the loader delivers, as one JSON object:
//! `loader_throughput PATH [--size 224] [--batch 32] [--workers 2] [--json]`.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::sync::Arc;

use ocelli_data::augment::{Pipeline, Transform};
use ocelli_data::loader::{Loader, LoaderConfig};
use ocelli_data::source::{self, SourceOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut path, mut size, mut batch_size, mut workers) = (None, 224, 32, 2);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<usize, Box<dyn Error>> {
            let text = arguments.next().ok_or_else(|| format!("{argument} needs a number"))?;
            Ok(text.parse()?)
        };
        match argument.as_str() {
            "--size" => size = number()?,
            "--batch" => batch_size = number()?,
            "--workers" => workers = number()?,
            "--json" => {}
            _ => path = Some(argument),
        }
    }
    let path = path.ok_or("the path of a folder of pictures is missing")?;
    let found = source::open(&path, &SourceOptions::default())?;
    let transforms: Vec<Transform> = serde_json::from_str(
        r#"[{"random_resized_crop": {}}, {"random_horizontal_flip": {}}, {"normalize": {}}]"#,
    )?;
    let pipeline = Pipeline::new(&transforms, [size as u32; 2])?;
    let config = LoaderConfig { batch_size, workers, ..LoaderConfig::default() };
    let loader = Loader::new(Arc::new(found.train), Arc::new(pipeline), config)?;
    loader.measure(0)?;
    let throughput = loader.measure(1)?;
    let images_per_second = throughput.images_per_second();
    let images = throughput.images;
    println!(
        r#"{{"images":{images},"images_per_second":{images_per_second:.1},"workers":{workers},"size":{size}}}"#
    );
    Ok(())
}
