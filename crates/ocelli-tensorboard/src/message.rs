//! The protocol-buffer messages of event files: the fields that we write, with the numbers that
//! `tensorboard/compat/proto/event.proto` and `summary.proto` give them.

use prost::{Message, Oneof};

/// A record of an event file.
#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// When, in seconds since 1970.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    /// The step that it is about; ours are epochs.
    #[prost(int64, tag = "2")]
    pub step: i64,
    /// What it says.
    #[prost(oneof = "Written", tags = "3, 5, 7")]
    pub what: Option<Written>,
}

/// What an event says.
#[derive(Clone, PartialEq, Oneof)]
pub enum Written {
    /// The format, in a file's first record: `brain.Event:2`.
    #[prost(string, tag = "3")]
    FileVersion(String),
    /// Values.
    #[prost(message, tag = "5")]
    Summary(Summary),
    /// Where a run began again.
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

/// Values of one step.
#[derive(Clone, PartialEq, Message)]
pub struct Summary {
    /// The values.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Value>,
}

/// A value under its name.
#[derive(Clone, PartialEq, Message)]
pub struct Value {
    /// The name; what stands before a slash groups values in TensorBoard.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// A number.
    #[prost(float, optional, tag = "2")]
    pub simple_value: Option<f32>,
    /// A picture.
    #[prost(message, optional, tag = "4")]
    pub image: Option<Image>,
    /// How numbers are spread.
    #[prost(message, optional, tag = "5")]
    pub histogram: Option<Histogram>,
}

/// A picture.
#[derive(Clone, PartialEq, Message)]
pub struct Image {
    /// Pixels.
    #[prost(int32, tag = "1")]
    pub height: i32,
    /// Pixels.
    #[prost(int32, tag = "2")]
    pub width: i32,
    /// Channels: 3 for RGB.
    #[prost(int32, tag = "3")]
    pub channels: i32,
    /// A whole PNG file.
    #[prost(bytes = "vec", tag = "4")]
    pub encoded: Vec<u8>,
}

/// How numbers are spread.
#[derive(Clone, PartialEq, Message)]
pub struct Histogram {
    /// The least.
    #[prost(double, tag = "1")]
    pub min: f64,
    /// The largest.
    #[prost(double, tag = "2")]
    pub max: f64,
    /// How many.
    #[prost(double, tag = "3")]
    pub count: f64,
    /// Their sum.
    #[prost(double, tag = "4")]
    pub sum: f64,
    /// The sum of their squares.
    #[prost(double, tag = "5")]
    pub sum_of_squares: f64,
    /// The right end of each bucket; the first bucket begins at `min`.
    #[prost(double, repeated, tag = "6")]
    pub limits: Vec<f64>,
    /// How many numbers each bucket has.
    #[prost(double, repeated, tag = "7")]
    pub buckets: Vec<f64>,
}

/// Where a run began again.
#[derive(Clone, PartialEq, Message)]
pub struct SessionLog {
    /// 1: what readers hold of this event's step and later ones is void.
    #[prost(int32, tag = "1")]
    pub status: i32,
}
