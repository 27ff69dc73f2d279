//! Several views of each picture in a batch.

use super::*;
use crate::augment::Transform;

/// Two views of every sample, made by [`write_unevenly`].
fn two_views(samples: usize, config: LoaderConfig) -> Loader {
    let output = Output { views: 2, ..OUTPUT };
    Loader::with_maker(dataset(samples), Arc::new(Made(write_unevenly)), output, config).unwrap()
}

#[test]
fn further_views_show_the_same_pictures_with_chance_of_their_own() {
    let order = Order::Shuffled;
    let reference = batches(&two_views(53, LoaderConfig { order, ..config(8, 0) }), 2, 0);
    let alone = loader(53, LoaderConfig { order, ..config(8, 0) }, write_unevenly);
    for (batch, alone) in reference.iter().zip(batches(&alone, 2, 0)) {
        assert_eq!(batch.images, alone.images, "the first view is the one without others");
        let [second] = &batch.further_views[..] else { panic!("found {batch:?}") };
        assert_eq!(second.len(), batch.images.len());
        let pictures = batch.images.chunks_exact(VALUES).zip(second.chunks_exact(VALUES));
        for ((first, second), &index) in pictures.zip(&batch.indices) {
            assert_eq!((first[1], second[1]), (index as f32, index as f32));
            assert_ne!(first[0], second[0], "picture {index} has its chance twice");
        }
    }
    let workers = two_views(53, LoaderConfig { order, ..config(8, 3) });
    assert_eq!(batches(&workers, 2, 0), reference);
    assert_eq!(batches(&workers, 2, 4), reference[4..]);
}

#[test]
fn views_of_different_sizes_are_refused_before_anything_is_loaded() {
    let pipeline = |size| Arc::new(Pipeline::new(&[] as &[Transform], size).unwrap());
    let further = vec![pipeline([8, 8])];
    let error = Loader::with_views(dataset(3), pipeline([8, 9]), further, config(2, 0)).err();
    let text = error.expect("two sizes don't fit into a batch").to_string();
    assert!(text.contains("[8, 9] and [8, 8]"), "{text}");
}
