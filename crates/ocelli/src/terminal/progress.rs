//! Progress bars: live on a terminal, silent elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar with a word in front, a rate and the time left. Its length is set when it is known.
pub(crate) fn bar(word: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10));
    bar.set_style(style("{msg} {wide_bar} {pos}/{len}  {per_sec}  {eta} left"));
    bar.set_message(word);
    bar
}

/// A bar of bytes.
pub(crate) fn bytes(word: &'static str) -> ProgressBar {
    let bar = bar(word);
    bar.set_style(style("{msg} {wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left"));
    bar
}

/// A bar's look.
pub(crate) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}
