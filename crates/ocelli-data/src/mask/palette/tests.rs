use super::*;
use crate::Mask;

fn read(text: &str) -> Result<Palette, PaletteError> {
    Palette::read("palette.csv", text.as_bytes(), &PaletteOptions::default())
}

#[test]
fn classes_are_numbered_by_their_indices_and_ignored_ones_get_no_number() {
    let palette = read("index,name,r,g,b\n7,car,1,2,3\n2,road,4,5,6\n0,void,0,0,0\n").unwrap();
    assert_eq!(palette.names(), ["road", "car"]);
    assert_eq!(palette.class_of_value(7), Some(1));
    assert_eq!(palette.class_of_value(0), Some(Mask::IGNORE));
    assert_eq!(palette.class_of_value(255), Some(Mask::IGNORE));
    assert_eq!(palette.class_of_value(3), None);
    assert_eq!(palette.class_of_color([0; 3]), Some(Mask::IGNORE));
    assert_eq!(palette.class_of_color([4, 5, 6]), Some(0));
    assert_eq!(palette.color(Mask::IGNORE), [0; 3]);
    assert_eq!((palette.value(1), palette.value(Mask::IGNORE)), (7, 0));
}

#[test]
fn tables_of_other_tools_are_understood() {
    let semicolons = read("\u{feff}Name;Red;Green;Blue\nsky;1;2;3\nsea;4;5;6\n").unwrap();
    assert_eq!(
        (semicolons.names(), semicolons.has_colors()),
        (vec!["sky".into(), "sea".into()], true)
    );
    let plain = read("id,class\n0,a\n1,b\n").unwrap();
    assert!(!plain.has_colors());
    assert_ne!(plain.color(0), plain.color(1));
}

#[test]
fn broken_tables_say_where_and_what() {
    for (text, expected) in [
        ("index,r,g,b\n0,1,2,3\n", "found no column of names"),
        ("index,name,r,g\n0,a,1,2\n", "found only some of the columns r, g, b"),
        ("index,name,r,g,b\n0,a,1,2,300\n", "line 2: a colour is \"300\""),
        ("index,name,r,g,b\n-1,a,1,2,3\n", "line 2: the index is \"-1\""),
        ("index,name,r,g,b\n0,,1,2,3\n", "line 2 has no name"),
        ("index,name\n", "found no rows"),
        ("index,name\n0,a\n0,b\n", "index 0 stands for two classes, a and b"),
        ("index,name\n0,a\n1,a\n", "name \"a\" stands for two classes"),
        (
            "index,name,r,g,b\n0,a,1,1,1\n1,b,1,1,1\n",
            "colour 1,1,1 stands for two classes, a and b",
        ),
        ("index,name,r,g,b\n0,a,1,1,1\n1,void,1,1,1\n", "colour 1,1,1 stands for two classes"),
        ("index,name\n0,void\n", "found 0 classes"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}\nlacks\n{expected}");
    }
    let many: String = (0..256).map(|i| format!("{i},class {i}\n")).collect();
    assert!(read(&format!("index,name\n{many}")).unwrap_err().to_string().contains("found 256"));
}

#[test]
fn what_a_recipe_ignores_wins_over_names() {
    let options = PaletteOptions { ignore_index: Some(vec![1]), ignore_colors: vec![[9, 9, 9]] };
    let text = "index,name,r,g,b\n0,void,0,0,0\n1,b,1,1,1\n2,c,9,9,9\n3,d,3,3,3\n";
    let palette = Palette::read("p", text.as_bytes(), &options).unwrap();
    assert_eq!(palette.names(), ["void", "d"]);
    assert_eq!(palette.class_of_value(255), None);
    assert_eq!(palette.class_of_value(2), Some(Mask::IGNORE));
    assert_eq!(palette.expected_values(), "0, 3, or 1, 2 (ignored)");
}

#[test]
fn another_order_of_classes_renumbers_by_name() {
    let palette = read("index,name,r,g,b\n0,a,1,1,1\n5,b,2,2,2\n").unwrap();
    let names = ["x", "b", "a"].map(str::to_owned);
    let other = palette.with_classes(&names).unwrap();
    assert_eq!(other.names(), names);
    assert_eq!((other.class_of_value(5), other.class_of_color([1; 3])), (Some(1), Some(2)));
    assert!(other.value(0) != 0 && other.value(0) != 5);
    assert_eq!(palette.with_classes(&names[..2]).unwrap_err(), ["a"]);
}

#[test]
fn made_up_colours_are_those_of_pascal_voc() {
    let expected = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]];
    assert_eq!([0, 1, 2, 3, 4].map(voc_color), expected);
    assert_eq!((voc_color(20), voc_color(255)), ([0, 64, 128], [224, 224, 192]));
    assert!(Palette::numbered("n", 255, &PaletteOptions::default()).is_ok());
    assert!(Palette::numbered("n", 300, &PaletteOptions::default()).is_err());
}
