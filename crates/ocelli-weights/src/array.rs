use std::collections::BTreeMap;

/// The numbers of an [`Array`], row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Weights and statistics.
    F32(Vec<f32>),
    /// Counters.
    I64(Vec<i64>),
}

impl Values {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::I64(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element type, as PyTorch calls it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::F32(_) => "float32",
            Self::I64(_) => "int64",
        }
    }
}

/// A tensor on the host: its shape (empty for a single number) and its values, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    values: Values,
}

impl Array {
    /// An array of floats.
    ///
    /// # Panics
    /// If the shape's product is not the number of values.
    #[must_use]
    pub fn from_f32(shape: Vec<usize>, values: Vec<f32>) -> Self {
        Self::new(shape, Values::F32(values))
    }

    /// An array of integers.
    ///
    /// # Panics
    /// If the shape's product is not the number of values.
    #[must_use]
    pub fn from_i64(shape: Vec<usize>, values: Vec<i64>) -> Self {
        Self::new(shape, Values::I64(values))
    }

    pub(crate) fn new(shape: Vec<usize>, values: Values) -> Self {
        let expected: usize = shape.iter().product();
        assert_eq!(expected, values.len(), "an array of shape {shape:?} has {expected} values");
        Self { shape, values }
    }

    /// The lengths of the axes; none for a single number.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values, row-major.
    #[must_use]
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The values, where they are floats.
    #[must_use]
    pub fn as_f32(&self) -> Option<&[f32]> {
        match &self.values {
            Values::F32(values) => Some(values),
            Values::I64(_) => None,
        }
    }

    /// The values, where they are integers.
    #[must_use]
    pub fn as_i64(&self) -> Option<&[i64]> {
        match &self.values {
            Values::F32(_) => None,
            Values::I64(values) => Some(values),
        }
    }
}

/// Arrays by key, in the order of the keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateDict {
    arrays: BTreeMap<String, Array>,
}

impl StateDict {
    /// One without arrays.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The array under a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Array> {
        self.arrays.get(key)
    }

    /// Puts an array under a key, and returns the one that was there.
    pub fn insert(&mut self, key: impl Into<String>, array: Array) -> Option<Array> {
        self.arrays.insert(key.into(), array)
    }

    /// Takes the array under a key out.
    pub fn remove(&mut self, key: &str) -> Option<Array> {
        self.arrays.remove(key)
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    /// Keys and arrays, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Array)> {
        self.arrays.iter().map(|(key, array)| (key.as_str(), array))
    }

    /// How many arrays there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arrays.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.arrays.is_empty()
    }
}

impl FromIterator<(String, Array)> for StateDict {
    fn from_iter<I: IntoIterator<Item = (String, Array)>>(arrays: I) -> Self {
        Self { arrays: arrays.into_iter().collect() }
    }
}

impl IntoIterator for StateDict {
    type Item = (String, Array);
    type IntoIter = std::collections::btree_map::IntoIter<String, Array>;

    fn into_iter(self) -> Self::IntoIter {
        self.arrays.into_iter()
    }
}

impl Extend<(String, Array)> for StateDict {
    fn extend<I: IntoIterator<Item = (String, Array)>>(&mut self, arrays: I) {
        self.arrays.extend(arrays);
    }
}
