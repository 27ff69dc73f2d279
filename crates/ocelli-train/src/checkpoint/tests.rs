use super::*;
use ocelli_nn::state::Array;

fn checkpoint(step: u64) -> Checkpoint {
    let values = (0..1000).map(|index| (index as f32 + step as f32).sin()).collect();
    let mut dict = StateDict::new();
    dict.insert("fc.weight", Array::from_f32(vec![10, 100], values));
    let state = TrainingState { step, ..TrainingState::default() };
    Checkpoint { model: dict.clone(), optimizer: dict, ema: None, target: None, state }
}

fn step_of(folder: &Path, name: &str) -> u64 {
    read(folder, name).unwrap().state.step
}

#[test]
fn what_is_written_is_read_and_nothing_else_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    for step in [1, 2] {
        let written = Checkpoint {
            ema: Some(checkpoint(9).model),
            target: Some(checkpoint(8).model),
            ..checkpoint(step)
        };
        write(folder.path(), "last", &written).unwrap();
        let read = read(folder.path(), "last").unwrap();
        assert_eq!(read.model, written.model);
        assert_eq!(read.optimizer, written.optimizer);
        assert_eq!(read.ema, written.ema);
        assert_eq!(read.target, written.target);
        assert_eq!(read.state, written.state);
    }
    assert_eq!(names(folder.path()), ["last"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_crash_between_the_renames_leaves_a_checkpoint_that_is_found() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "last", &checkpoint(1)).unwrap();
    fs::rename(folder.path().join("last"), folder.path().join("last.old")).unwrap();
    assert_eq!(step_of(folder.path(), "last"), 1);
    // The new one was whole, too: it is the one to go on from.
    write_files(&folder.path().join("last.new"), &checkpoint(2)).unwrap();
    assert_eq!(step_of(folder.path(), "last"), 2);
    // And the next one goes in place as ever.
    write(folder.path(), "last", &checkpoint(3)).unwrap();
    assert_eq!(step_of(folder.path(), "last"), 3);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_crash_while_writing_leaves_the_checkpoint_before() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "last", &checkpoint(1)).unwrap();
    let new = folder.path().join("last.new");
    fs::create_dir(&new).unwrap();
    fs::write(new.join(MODEL), b"half of a mod").unwrap();
    assert_eq!(step_of(folder.path(), "last"), 1);
}

#[test]
fn damage_is_told_with_the_file_and_an_older_checkpoint_serves_if_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "last", &checkpoint(1)).unwrap();
    let model = folder.path().join("last").join(MODEL);
    let mut bytes = fs::read(&model).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&model, bytes).unwrap();
    let error = read(folder.path(), "last").unwrap_err().to_string();
    assert!(error.contains(MODEL) && error.contains("checksum"), "{error}");
    write_files(&folder.path().join("last.old"), &checkpoint(0)).unwrap();
    assert_eq!(step_of(folder.path(), "last"), 0);
}

#[test]
fn a_second_name_outlives_the_first() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "last", &checkpoint(1)).unwrap();
    duplicate(folder.path(), "last", "best").unwrap();
    write(folder.path(), "last", &checkpoint(2)).unwrap();
    assert_eq!(step_of(folder.path(), "best"), 1);
    assert_eq!(step_of(folder.path(), "last"), 2);
    duplicate(folder.path(), "last", "best").unwrap();
    assert_eq!(step_of(folder.path(), "best"), 2);
}

#[test]
fn a_missing_checkpoint_is_told_with_those_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "last", &checkpoint(1)).unwrap();
    let error = read(folder.path(), "epoch-0007").unwrap_err().to_string();
    assert!(error.contains("epoch-0007") && error.contains("there are: last"), "{error}");
}

#[test]
fn what_a_crash_left_beside_its_place_is_put_there_before_it_gets_a_second_name() {
    for form in ["last.new", "last.old"] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "last", &checkpoint(1)).unwrap();
        fs::rename(folder.path().join("last"), folder.path().join(form)).unwrap();
        assert_eq!(recover(folder.path(), "last").unwrap().state.step, 1);
        duplicate(folder.path(), "last", "best").unwrap();
        assert_eq!(step_of(folder.path(), "best"), 1);
    }
    // The same where its place is taken by something damaged.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "last", &checkpoint(2)).unwrap();
    fs::write(folder.path().join("last").join(MODEL), b"damaged").unwrap();
    write_files(&folder.path().join("last.old"), &checkpoint(1)).unwrap();
    assert_eq!(recover(folder.path(), "last").unwrap().state.step, 1);
    duplicate(folder.path(), "last", "best").unwrap();
    assert_eq!(step_of(folder.path(), "best"), 1);
}
