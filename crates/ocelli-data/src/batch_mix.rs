//! temporary
use crate::random::Generator;
/// x
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchMix { /// x
pub mixup_alpha: f64, /// x
pub cutmix_alpha: f64, /// x
pub probability: f64, /// x
pub switch_probability: f64 }
impl BatchMix {
/// x
#[must_use] pub fn is_active(&self) -> bool { false }
/// x
pub fn validate(&self) -> Result<(), crate::augment::AugmentError> { Ok(()) }
/// x
pub fn mix(&self, _images: &mut [f32], _shape: [usize; 4], _labels: &[u32], _classes: usize, _random: &mut Generator) -> Vec<f32> { Vec::new() }
}
