//! Colours.

/// Red, green, blue in 0 to 1, as displayed.
pub(super) type Color = [f32; 3];

/// A colour from its usual hexadecimal notation.
pub(super) const fn hex(code: u32) -> Color {
    [
        ((code >> 16) & 255) as f32 / 255.0,
        ((code >> 8) & 255) as f32 / 255.0,
        (code & 255) as f32 / 255.0,
    ]
}

/// `from` at 0, `to` at 1.
pub(super) fn mix(from: Color, to: Color, share: f32) -> Color {
    [
        from[0] + (to[0] - from[0]) * share,
        from[1] + (to[1] - from[1]) * share,
        from[2] + (to[2] - from[2]) * share,
    ]
}

/// Every channel times a factor.
pub(super) fn scale(color: Color, factor: f32) -> Color {
    [color[0] * factor, color[1] * factor, color[2] * factor]
}

/// Five plumage colours that go together. Species share them; what differs is where each goes.
pub(super) struct Palette {
    /// What a name calls a bird of this palette.
    pub(super) names: [&'static str; 3],
    /// The main colour, its companion, a light, a dark and a bright one.
    pub(super) colors: [Color; 5],
}

const fn palette(names: [&'static str; 3], codes: [u32; 5]) -> Palette {
    let [main, second, light, dark, bright] = codes;
    Palette { names, colors: [hex(main), hex(second), hex(light), hex(dark), hex(bright)] }
}

/// The palettes. Their order is part of what a seed means: append, never reorder.
pub(super) const PALETTES: [Palette; 14] = [
    palette(["russet", "chestnut", "cinnamon"], [0x7a6048, 0xc9763f, 0xf0e4cc, 0x3a2c22, 0xe2622b]),
    palette(["azure", "sky", "cobalt"], [0x3f7fbf, 0x86b6dd, 0xf6f2df, 0x1f3557, 0xf3cf45]),
    palette(["scarlet", "crimson", "ruby"], [0xb8252d, 0xd9553f, 0xf3d9bf, 0x3a1a1e, 0xf4a04f]),
    palette(["teal", "lagoon", "jade"], [0x14809c, 0x52b8b0, 0xfdf0da, 0x0c3b50, 0xf28c30]),
    palette(["amber", "golden", "saffron"], [0xe3b026, 0xf2d266, 0xf8f0da, 0x33302c, 0xc93f2f]),
    palette(["emerald", "moss", "fern"], [0x3c9150, 0x9cc552, 0xf3efc9, 0x1c4a33, 0xe0503f]),
    palette(["fawn", "dusty", "almond"], [0xb58c74, 0xd8b9a0, 0xf4ece2, 0x33292a, 0x4b8fd0]),
    palette(["silver", "ashen", "slate"], [0x8796a5, 0xb9c5cd, 0xf0f2f1, 0x2b333f, 0xe5ab3c]),
    palette(["umber", "hazel", "tawny"], [0x8a6744, 0xb9935f, 0xf1e2c4, 0x463223, 0xea9d2f]),
    palette(["coral", "rose", "blush"], [0xec8590, 0xf7b8b4, 0xfdeee6, 0x4a2d38, 0xc9314f]),
    palette(["lilac", "violet", "plum"], [0x7f68ad, 0xa99bd0, 0xeee8f3, 0x352a4d, 0x4fb6c4]),
    palette(["olive", "mallow", "sage"], [0x6f7a42, 0xa7a868, 0xefe9cf, 0x343a24, 0xdb5f86]),
    palette(["inky", "sable", "pied"], [0x2c3038, 0x5d6b7a, 0xf5f4ef, 0x15171c, 0x3c9bc4]),
    palette(["marsh", "copper", "bronze"], [0x2e7361, 0x94714f, 0xe5dcc9, 0x23342f, 0xe6bb3d]),
];
