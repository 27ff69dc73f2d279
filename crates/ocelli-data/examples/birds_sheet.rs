//! Draws a contact sheet of the sample birds: a row for each species, and the masks beside them.
//!
//! `cargo run -p ocelli-data --example birds_sheet -- 'synth://birds?size=128' sheet.png 6`
use ocelli_data::synth::{Birds, BirdsConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let location = arguments.next().unwrap_or_else(|| "synth://birds?size=128".to_owned());
    let file = arguments.next().unwrap_or_else(|| "birds.png".to_owned());
    let columns: u32 = arguments.next().map_or(Ok(8), |text| text.parse())?;
    let masks = arguments.next().is_some();
    let birds = Birds::new(BirdsConfig::parse(&location)?);
    let (size, classes) = (birds.config().size, birds.config().classes);
    let begin = std::time::Instant::now();
    let mut sheet = image::RgbImage::new(columns * size, classes * size);
    let colors = [
        [24u8, 26, 32],
        [233, 129, 60],
        [62, 124, 196],
        [242, 205, 84],
        [214, 63, 64],
        [104, 178, 98],
        [150, 98, 180],
        [250, 250, 250],
        [236, 130, 182],
    ];
    for row in 0..classes {
        for column in 0..columns {
            let index = if masks { column / 2 } else { column };
            let bird = birds.draw(u64::from(row + index * classes));
            for y in 0..size {
                for x in 0..size {
                    let pixel = if masks && column % 2 == 1 {
                        colors[bird.parts.labels()[(y * size + x) as usize] as usize]
                    } else {
                        bird.picture.pixel(x, y)
                    };
                    sheet.put_pixel(column * size + x, row * size + y, image::Rgb(pixel));
                }
            }
        }
    }
    eprintln!("{:.0} birds/s", f64::from(columns * classes) / begin.elapsed().as_secs_f64());
    sheet.save(file)?;
    Ok(())
}
