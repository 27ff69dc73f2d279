use half::{bf16, f16};

use crate::Values;

/// The element types that weight files have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U32,
    U16,
    U8,
    Bool,
}

impl Element {
    /// Bytes of one.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// Little-endian elements as values: floats of any width become `f32`, integers `i64`.
    pub(crate) fn values(self, bytes: &[u8]) -> Values {
        fn each<const N: usize, T>(bytes: &[u8], convert: impl Fn([u8; N]) -> T) -> Vec<T> {
            let (chunks, _) = bytes.as_chunks();
            chunks.iter().copied().map(convert).collect()
        }
        match self {
            Self::F64 => Values::F32(each(bytes, |bytes| f64::from_le_bytes(bytes) as f32)),
            Self::F32 => Values::F32(each(bytes, f32::from_le_bytes)),
            Self::F16 => Values::F32(each(bytes, |bytes| f16::from_le_bytes(bytes).to_f32())),
            Self::Bf16 => Values::F32(each(bytes, |bytes| bf16::from_le_bytes(bytes).to_f32())),
            Self::I64 => Values::I64(each(bytes, i64::from_le_bytes)),
            Self::I32 => Values::I64(each(bytes, |bytes| i32::from_le_bytes(bytes).into())),
            Self::I16 => Values::I64(each(bytes, |bytes| i16::from_le_bytes(bytes).into())),
            Self::I8 => Values::I64(each(bytes, |bytes| i8::from_le_bytes(bytes).into())),
            Self::U32 => Values::I64(each(bytes, |bytes| u32::from_le_bytes(bytes).into())),
            Self::U16 => Values::I64(each(bytes, |bytes| u16::from_le_bytes(bytes).into())),
            Self::U8 | Self::Bool => Values::I64(each(bytes, |[byte]: [u8; 1]| byte.into())),
        }
    }
}
