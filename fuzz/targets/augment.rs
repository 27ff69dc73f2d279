//! A recipe's list of transforms: refused, or applied without a panic to pictures of odd sizes, with
//! nothing but numbers coming out.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use ocelli_data::Picture;
use ocelli_data::augment::{Pipeline, Step, Transform, default_evaluation};
use ocelli_data::random::{Purpose, generator};

#[derive(serde::Deserialize)]
struct Section {
    #[serde(default)]
    augment: Vec<Transform>,
}

const SIZE: [u32; 2] = [9, 14];
/// More pixels on the way to the output than this would make the fuzzer crawl.
const MAX_PIXELS: u64 = 1 << 16;

fuzz_target!(|text: &str| -> Corpus {
    let Ok(Section { augment }) = toml::from_str(text) else { return Corpus::Keep };
    if augment.len() > 6 {
        return Corpus::Reject;
    }
    let Ok(pipeline) = Pipeline::new(&augment, SIZE) else { return Corpus::Keep };
    let again = Pipeline::new(pipeline.transforms(), SIZE).expect("what was resolved is accepted");
    assert_eq!(again.transforms(), pipeline.transforms());
    Pipeline::new(&default_evaluation(&augment, SIZE), SIZE)
        .expect("evaluation suits any training");
    let mut output = vec![0.0; (SIZE[0] * SIZE[1] * 3) as usize];
    for (index, [height, width]) in [[1, 1], [17, 5], [3, 40]].into_iter().enumerate() {
        let pixels = (0..height * width * 3).map(|value| (value * 37) as u8).collect();
        let picture = Picture::new(width, height, pixels);
        let random = || generator(text.len() as u64, Purpose::Augment, 0, index as u64);
        let plan = pipeline.sample([height, width], &mut random());
        let [after_height, after_width] = plan.size();
        assert_eq!([after_height, after_width], SIZE);
        let mut size = [height, width];
        for step in plan.steps() {
            if let Step::Geometry(geometry) = step {
                size = geometry.output_size(size);
            }
            assert!(!size.contains(&0), "{step:?} leaves nothing");
            if u64::from(size[0]) * u64::from(size[1]) > MAX_PIXELS {
                return Corpus::Reject;
            }
        }
        pipeline.apply(picture, &mut random(), &mut output);
        assert!(output.iter().all(|value| value.is_finite()), "{output:?}");
    }
    Corpus::Keep
});
