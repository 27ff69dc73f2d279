use super::*;

#[test]
fn an_empty_file_is_called_empty() {
    assert_eq!(decode(&[], &DecodeOptions::default()), Err(DecodeError::Empty));
}
