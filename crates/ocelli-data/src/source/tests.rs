use super::*;

#[test]
fn a_missing_location_is_called_missing() {
    let error = open("there/is/nothing", &SourceOptions::default()).unwrap_err();
    assert!(matches!(error, SourceError::Missing { .. }), "{error}");
}
