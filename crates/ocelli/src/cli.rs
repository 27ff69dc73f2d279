//! The command line's words: commands, options, and what `--help` says of them.

mod bench;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use bench::{BenchCommand, BenchLoaderArgs, BenchStepArgs, StepMode};

/// Train vision models on your pictures.
#[derive(Debug, Parser)]
#[command(
    name = "ocelli",
    version,
    about = "Train vision models on your pictures: one binary, one recipe per experiment.",
    after_help = "\
Begin here:
  ocelli train my-pictures/          a folder with one folder of pictures per class
  ocelli train recipes/demo.toml     an experiment, written down
  ocelli predict runs/demo cat.jpg   what is it?

Every run leaves a folder runs/NAME with its recipe, numbers and weights.
`ocelli help COMMAND` explains each command, with examples.",
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a model, from a recipe or from nothing but a folder of pictures
    #[command(after_help = "\
Examples:
  ocelli train my-pictures/
      my-pictures/ has one folder per class (my-pictures/cat/1.jpg, my-pictures/dog/2.jpg), or
      train/ and val/ with such folders, or is a .tar or .csv of the same. Size, epochs and the
      rest are chosen for you, shown, and written to the run folder's recipe.toml.
  ocelli train recipes/scratch-resnet18.toml --set data.train=my-pictures/
      The recipe's experiment on your own pictures.
  ocelli train recipes/demo.toml --set train.epochs=3 --set optimizer.lr=5e-4 --out runs/quick
      The recipe with two values changed.

Ctrl-C saves everything and stops; `ocelli resume RUN` goes on.")]
    Train(TrainArgs),
    /// Go on with a run where it stopped: after Ctrl-C, a crash or a kill
    #[command(after_help = "\
The result is the same, to the bit, as that of a run that never stopped (same machine, same
number of threads).

Example:
  ocelli resume runs/demo")]
    Resume(ResumeArgs),
    /// Train many runs from one file, and lay them side by side: mean and spread over seeds
    #[command(after_help = "\
GRID is a TOML file: a recipe, named settings, and axes whose values go with every setting. Mean
and spread (the sample standard deviation) are taken over the axis `seed`. docs/sweeps.md says
more. The folder holds every run with its log, and table.md, table.csv and table.json.

The same command again goes on: finished runs are kept, stopped ones go on where they were, failed
ones are tried again. Ctrl-C saves everything. Exit status 1 if a run failed; the rest is done.

Examples:
  ocelli sweep recipes/grid-birds.toml --dry-run
  ocelli sweep recipes/grid-birds.toml
  ocelli sweep grid.toml --jobs 4 --set data.train=my-pictures/ --out runs/mine")]
    Sweep(SweepArgs),
    /// Measure a trained model on its validation pictures, or on others
    #[command(after_help = "\
Examples:
  ocelli eval runs/demo
  ocelli eval runs/pets --data more-pictures/      classes are matched by name
  ocelli eval runs/pets --checkpoint last --json")]
    Eval(EvalArgs),
    /// Say what is in pictures
    #[command(after_help = "\
Examples:
  ocelli predict runs/demo bird.jpg
  ocelli predict runs/pets holiday/ --top 3 --json > answers.jsonl
  ocelli predict runs/pets holiday/ --out answers/     writes answers/predictions.csv
  ocelli predict runs/streets rides/ --out masks/ --masks overlay
  ocelli predict runs/colorize old-photographs/ --out colored/")]
    Predict(PredictArgs),
    /// Write the features by which a model describes pictures: what its last layer sees
    #[command(after_help = "\
Writes DIR/features.safetensors (`features` [pictures, width]; `labels` where the pictures have
classes, positions in the header's `classes`, -1 for a picture without) and DIR/features.csv (name,
label, f0, f1, …). Row n of one is row n of the other. Pictures that can't be read are told and left
out.

Examples:
  ocelli embed runs/birds holiday/
  ocelli embed runs/birds pictures.tar more.csv bird.jpg --out features/ --checkpoint last")]
    Embed(EmbedArgs),
    /// Lay runs side by side: network, loss, optimizer, learning rate, epochs, score
    #[command(after_help = "\
Example:
  ocelli compare runs/birds-resnet18 runs/birds-resnet18-lr5e-4
  ocelli compare runs/fcn32 runs/unet --out side-by-side/")]
    Compare(CompareArgs),
    /// Draw a run: figures, and one page with everything to show to others
    #[command(after_help = "\
Works from the run folder alone, at any time, also while the run goes on or after it broke. Writes
figures/ (SVG and PNG, light and dark) and report.html, one file that needs no network: curves,
classes, mistakes with their pictures, features by PCA and t-SNE at each snapshot (the epochs that
train.snapshots of the recipe names), what the network is given, recipe and environment.

Examples:
  ocelli report runs/demo
  ocelli report runs/pets --grad-cam 12            where the network looked, in 12 pictures
  ocelli report runs/pets --grad-cam cat_7,dog_19  … in these validation pictures
  ocelli report runs/pets --epochs 1,50,100 --out pets-report/
  ocelli report --compare runs/fcn32 runs/unet     compare.html, beside the first run's report")]
    Report(ReportArgs),
    /// List the models that can be built
    Models(ModelsArgs),
    /// Check, describe or make pictures
    #[command(subcommand)]
    Data(DataCommand),
    /// Look into weights, and write them in another format
    #[command(subcommand)]
    Weights(WeightsCommand),
    /// Run a model on given tensors, to compare numbers with another framework
    #[command(after_help = "\
INPUT is a .safetensors file with `x` (N,C,H,W, 32-bit floats) and, with --gradients, `grad_out`.
OUTPUT gets `y`; with --gradients `grad.x` and `grad.<parameter>`; with --train also the state dict
after the step's BatchNorm update.

Example:
  ocelli probe resnet18 --weights resnet18.safetensors --input x.safetensors --out y.safetensors")]
    Probe(ProbeArgs),
    /// Measure the speed of a training step or of the loader
    #[command(subcommand)]
    Bench(BenchCommand),
}

/// Where to compute.
#[derive(Debug, Args)]
pub(crate) struct ComputeArgs {
    /// cpu, or cuda:0, vulkan, wgpu … where Ocelli was built with that feature
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    pub(crate) device: String,
    /// Compute threads [default: one for every processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

/// How segmentation looks at pictures, beside what the run's recipe says under `[evaluate]`.
#[derive(Debug, Args)]
pub(crate) struct LookArgs {
    /// Segmentation: also look at the mirrored picture, and average
    #[arg(long)]
    pub(crate) flip: bool,
    /// Segmentation: look at these multiples of the picture's size, and average
    #[arg(long, value_name = "X,Y…", value_delimiter = ',')]
    pub(crate) scales: Vec<f64>,
    /// Segmentation: look at pictures in their own size, through a window of the recipe's size
    #[arg(long)]
    pub(crate) sliding_window: bool,
}

/// How predicted masks are written.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum MaskFormatArg {
    /// Gray PNGs of class indices
    Index,
    /// Indices with a palette, so that they show in colour
    Palette,
    /// The palette's colours
    Color,
    /// The picture with the mask's colours over it
    Overlay,
}

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// A recipe (.toml), or the pictures themselves: a folder, .tar, .csv or synth://birds
    #[arg(value_name = "RECIPE|PICTURES")]
    pub(crate) source: String,
    /// Change a value of the recipe, such as train.epochs=5; can be given many times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,
    /// The run folder [default: runs/ and the recipe's or folder's name, with a number if taken]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
    /// Print nothing but errors and the closing summary
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Save everything and stop when standard input ends: for a program that starts this one
    #[arg(long, hide = true)]
    pub(crate) stop_with_input: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// The run folder
    pub(crate) run: PathBuf,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
    /// Print nothing but errors and the closing summary
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Save everything and stop when standard input ends: for a program that starts this one
    #[arg(long, hide = true)]
    pub(crate) stop_with_input: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    /// The grid (.toml)
    pub(crate) grid: PathBuf,
    /// Change a value of every setting's recipe, such as train.epochs=5; can be given many times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,
    /// The sweep's folder [default: runs/ and the grid's name]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// How many runs at once; they share the threads, and each needs memory of its own
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: u16,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
    /// Check every recipe and its pictures, list the runs, and train nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the table with every run as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// The run folder
    pub(crate) run: PathBuf,
    /// Other pictures than the run's validation: a folder, .tar, .csv or synth://birds
    #[arg(long, value_name = "PICTURES")]
    pub(crate) data: Option<String>,
    /// Which weights: best, last, or an epoch's number
    #[arg(long, default_value = "best", value_name = "best|last|N")]
    pub(crate) checkpoint: String,
    #[command(flatten)]
    pub(crate) look: LookArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// The run folder
    pub(crate) run: PathBuf,
    /// Pictures, or folders of them
    #[arg(required = true, value_name = "PICTURE|FOLDER")]
    pub(crate) paths: Vec<PathBuf>,
    /// Write into this folder: predictions.csv, or for every picture its mask or its colours as a
    /// PNG. Segmentation and colorization need it
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Segmentation: how masks are written [default: as those of the training data]
    #[arg(long, value_enum)]
    pub(crate) masks: Option<MaskFormatArg>,
    #[command(flatten)]
    pub(crate) look: LookArgs,
    /// How many classes to name for each picture
    #[arg(long, default_value_t = 5, value_name = "K")]
    pub(crate) top: usize,
    /// Which weights: best, last, or an epoch's number
    #[arg(long, default_value = "best", value_name = "best|last|N")]
    pub(crate) checkpoint: String,
    /// Print one JSON object a line, one for each picture
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EmbedArgs {
    /// The run folder, of classification or of learning without labels
    pub(crate) run: PathBuf,
    /// Pictures, or folders, .tar or .csv of them; where they have classes, those are the labels
    #[arg(required = true, value_name = "PICTURES")]
    pub(crate) paths: Vec<PathBuf>,
    /// Where the files go
    #[arg(long, default_value = "features", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Which weights: best, last, or an epoch's number
    #[arg(long, default_value = "best", value_name = "best|last|N")]
    pub(crate) checkpoint: String,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Run folders
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    /// Where sheets go that show what runs of segmentation or colorization made of the same pictures
    /// [default: figures/compared in the first run's folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print one JSON object a line, one for each run
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run folder; with --compare, several
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    /// Lay the runs side by side on one page, compare.html
    #[arg(long, conflicts_with_all = ["epochs", "grad_cam"])]
    pub(crate) compare: bool,
    /// Where figures/ and the page go [default: the run folder, the first of several]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Show the features of these snapshots [default: first and last, and up to four between]
    #[arg(long, value_name = "N,N…", value_delimiter = ',')]
    pub(crate) epochs: Option<Vec<u32>>,
    /// Show where the network looked (Grad-CAM): in so many validation pictures, drawn by the run's
    /// seed, or in those with these file names
    #[arg(long, value_name = "N|NAME,NAME…")]
    pub(crate) grad_cam: Option<String>,
    /// Which weights look: best, last, or an epoch's number
    #[arg(long, default_value = "best", value_name = "best|last|N")]
    pub(crate) checkpoint: String,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    /// Print one JSON object a line, one for each model
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Read every picture and mask and list what is wrong: broken, duplicate, tiny, huge, rare
    #[command(after_help = "\
Exit status 1 if a picture is broken, a training picture is also in validation or test, or a mask
has another size than its picture, values without a class, or no partner.

Examples:
  ocelli data check my-pictures/
  ocelli data check streets/           images/ beside masks/: pictures and masks are paired
  ocelli data check pictures/ --masks drawn/ --palette classes.csv --ignore-index 11")]
    Check(DataArgs),
    /// Count and measure: pictures or pixels per class, sizes, mean and deviation of each channel
    #[command(after_help = "\
With masks: how often each class comes, and class weights to copy into a recipe.

Examples:
  ocelli data stats my-pictures/
  ocelli data stats streets/ --json")]
    Stats(DataArgs),
    /// Write the embedded sample data as an image folder with part masks
    #[command(after_help = "\
Example:
  ocelli data synth birds/ --classes 8 --count 800 --size 128")]
    Synth(SynthArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// A folder, .tar, .csv or synth://birds
    #[arg(value_name = "PICTURES")]
    pub(crate) location: String,
    /// How the files are laid out
    #[arg(long, value_enum, default_value_t = LayoutArg::Auto)]
    pub(crate) layout: LayoutArg,
    /// For classes in file names: a regular expression whose group `class` is the class
    #[arg(long, value_name = "REGEX")]
    pub(crate) name_pattern: Option<String>,
    /// What is to be learned: decides whether masks or classes are looked for
    #[arg(long, value_enum, default_value_t = TaskArg::Auto)]
    pub(crate) task: TaskArg,
    /// Where the masks are, if not beside the pictures: a folder, .tar or list
    #[arg(long, value_name = "PATH")]
    pub(crate) masks: Option<PathBuf>,
    /// The masks' classes: a CSV with the columns index,name,r,g,b [default: found beside the data]
    #[arg(long, value_name = "FILE")]
    pub(crate) palette: Option<PathBuf>,
    /// An index of the masks that counts for no class; can be given many times
    /// [default: 255, and classes called unlabelled or void]
    #[arg(long, value_name = "N")]
    pub(crate) ignore_index: Vec<u16>,
    /// What the names of pictures end in, where their masks' end in something else, such as _sat
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) image_suffix: Option<String>,
    /// What the names of masks end in, such as _mask
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) mask_suffix: Option<String>,
    /// Pictures with more pixels than this count as broken
    #[arg(long, default_value_t = 100.0, value_name = "N")]
    pub(crate) max_megapixels: f64,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is to be learned from pictures, as the command line spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskArg {
    /// Segment where pictures unmistakably have masks, else classify
    Auto,
    /// A class for each picture
    Classify,
    /// A class for each pixel, from masks
    Segment,
    /// Colours from gray: all pictures, without labels
    Colorize,
}

/// How files are laid out, as the command line spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayoutArg {
    /// Tell it from the files
    Auto,
    /// One folder per class
    Folders,
    /// The class is part of the file's name
    Names,
    /// A table with columns for picture and class
    Csv,
    /// Pictures without classes
    Flat,
    /// Folders of pictures and masks side by side
    MaskFolders,
    /// Pictures and masks in one folder, by the ends of their names
    MaskSuffixes,
    /// Text files with a picture and its mask in each line
    MaskLists,
}

#[derive(Debug, Args)]
pub(crate) struct SynthArgs {
    /// The folder to write; it must be new or empty
    pub(crate) folder: PathBuf,
    /// How many species
    #[arg(long, default_value_t = 8)]
    pub(crate) classes: u32,
    /// How many pictures
    #[arg(long, default_value_t = 800)]
    pub(crate) count: u64,
    /// Height and width in pixels
    #[arg(long, default_value_t = 64)]
    pub(crate) size: u32,
    /// Other seeds give other species and other pictures
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// The part of the pictures that goes to val/
    #[arg(long, default_value_t = 0.2)]
    pub(crate) val: f64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WeightsCommand {
    /// List what is in weights: keys, shapes, types
    #[command(after_help = "\
Examples:
  ocelli weights inspect resnet18-f37072fd.pth
  ocelli weights inspect torchvision://resnet18/IMAGENET1K_V1 --json")]
    Inspect(WeightsInspectArgs),
    /// Write weights in another format
    #[command(after_help = "\
PyTorch loads the .pth with torch.load(FILE, weights_only=True), strictly into torchvision's model
of the same name.

Examples:
  ocelli weights convert runs/pets/checkpoints/best/model.safetensors pets.pth
  ocelli weights convert checkpoint.pth vgg16.safetensors --model vgg16
      Takes prefixes such as module. off, and timm's names for torchvision's.")]
    Convert(WeightsConvertArgs),
}

#[derive(Debug, Args)]
pub(crate) struct WeightsInspectArgs {
    /// A .safetensors or .pth file, https://…, torchvision://MODEL/WEIGHTS or hf://OWNER/NAME
    #[arg(value_name = "WEIGHTS")]
    pub(crate) source: String,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WeightsConvertArgs {
    /// A .safetensors or .pth file, https://…, torchvision://MODEL/WEIGHTS or hf://OWNER/NAME
    #[arg(value_name = "WEIGHTS")]
    pub(crate) source: String,
    /// The file to write: .safetensors, or .pth for PyTorch
    pub(crate) out: PathBuf,
    /// Hold the weights to this model, and write them under its keys
    #[arg(long)]
    pub(crate) model: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// A name that `ocelli models` lists
    pub(crate) model: String,
    /// A .safetensors file with `x`
    #[arg(long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// The .safetensors file to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The model's weights: a .safetensors or .pth file, https://…, torchvision://MODEL/WEIGHTS or
    /// hf://OWNER/NAME; without it, weights of seed 0
    #[arg(long, value_name = "WEIGHTS")]
    pub(crate) weights: Option<String>,
    /// How many classes the model tells apart [default: what the weights have, else 1000]
    #[arg(long, value_name = "N")]
    pub(crate) classes: Option<usize>,
    /// Training mode: BatchNorm uses and updates the batch's statistics
    #[arg(long)]
    pub(crate) train: bool,
    /// Also the gradients of sum(y * grad_out)
    #[arg(long)]
    pub(crate) gradients: bool,
    /// On the CPU, without Winograd's algorithm, as the recipe's [train] exact_convolution
    #[arg(long)]
    pub(crate) exact_convolution: bool,
    #[command(flatten)]
    pub(crate) compute: ComputeArgs,
}
