//! A pickle machine that builds values and runs nothing.
//!
//! Python's pickles are programs: they may import and call anything. State dicts need little of it:
//! containers, numbers, and a few of PyTorch's constructors, which become inert [`Value`]s here. A
//! call of anything else is refused by name; classes that are only mentioned stay inert.
//!
//! The opcodes are those of protocols 0 to 5 that Python's own pickler writes for such data
//! (`pickletools` of the Python library documents them).

mod value;

use std::rc::Rc;

use thiserror::Error;
use value::Containers;
pub(crate) use value::{Storage, Tensor, Value};

/// Values that a pickle may have at most: far more than any checkpoint, and bounded memory.
const MOST_VALUES: usize = 1 << 22;

/// Why a pickle could not be understood.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PickleError {
    /// It ends too early.
    #[error("it ends at byte {at}, in the middle of something")]
    Truncated {
        /// Where.
        at: usize,
    },
    /// An opcode that data is not written with.
    #[error("opcode {found:#04x} at byte {at} is none that state dicts are written with")]
    Opcode {
        /// The opcode.
        found: u8,
        /// Where.
        at: usize,
    },
    /// It wants to run something.
    #[error(
        "it asks to run `{callable}`, which is no part of a state dict; nothing in a weight file is run here. If you trust the file, load it in Python and save `model.state_dict()` alone"
    )]
    Call {
        /// What it wants to run.
        callable: String,
    },
    /// Its operations don't fit each other.
    #[error("it makes no sense at byte {at}: {what}")]
    Nonsense {
        /// Where.
        at: usize,
        /// What doesn't fit.
        what: &'static str,
    },
    /// It holds more values than any state dict.
    #[error("it holds more than {MOST_VALUES} values")]
    TooLarge,
}

/// A pickle's value. Its containers are empty once it is dropped.
#[derive(Debug)]
pub(crate) struct Pickle {
    /// The value.
    pub(crate) value: Value,
    /// Bytes that it took.
    pub(crate) length: usize,
    _containers: Containers,
}

/// Reads the pickle that `bytes` begin with.
///
/// # Errors
/// [`PickleError`], also for whatever would have to be executed.
pub(crate) fn parse(bytes: &[u8]) -> Result<Pickle, PickleError> {
    let mut machine = Machine {
        bytes,
        at: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
        made: 0,
        containers: Containers::default(),
    };
    let value = machine.run()?;
    Ok(Pickle { value, length: machine.at, _containers: machine.containers })
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: Vec<Option<Value>>,
    made: usize,
    /// Last, so that they are emptied after the stack is gone.
    containers: Containers,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<Value, PickleError> {
        loop {
            let at = self.at;
            let opcode = self.byte()?;
            if opcode == b'.' {
                return self.pop();
            }
            self.step(opcode, at)?;
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm an opcode")]
    fn step(&mut self, opcode: u8, at: usize) -> Result<(), PickleError> {
        match opcode {
            // PROTO, FRAME
            0x80 => _ = self.byte()?,
            0x95 => _ = self.take(8)?,
            b'(' => self.marks.push(self.stack.len()),
            b'0' => _ = self.pop()?,
            b'1' => _ = self.pop_mark()?,
            b'2' => {
                let top = self.top()?.clone();
                self.push(top)?;
            }
            b'N' => self.push(Value::None)?,
            0x88 | 0x89 => self.push(Value::Opaque("bool"))?,
            b'K' => {
                let value = self.byte()?;
                self.push(Value::Int(value.into()))?;
            }
            b'M' => {
                let value = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()))?;
            }
            b'J' => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()))?;
            }
            0x8a => {
                let length = self.byte()?.into();
                let bytes = self.take(length)?;
                let value = long(bytes).map_or(Value::Opaque("int"), Value::Int);
                self.push(value)?;
            }
            0x8b => {
                let length = self.length4()?;
                let bytes = self.take(length)?;
                let value = long(bytes).map_or(Value::Opaque("int"), Value::Int);
                self.push(value)?;
            }
            b'I' => {
                let value = match self.line()? {
                    "00" | "01" => Value::Opaque("bool"),
                    text => Value::Int(self.number(text, at)?),
                };
                self.push(value)?;
            }
            b'L' => {
                let text = self.line()?;
                let value = self.number(text.trim_end_matches('L'), at)?;
                self.push(Value::Int(value))?;
            }
            b'G' => {
                self.take(8)?;
                self.push(Value::Opaque("float"))?;
            }
            b'F' => {
                self.line()?;
                self.push(Value::Opaque("float"))?;
            }
            // BINUNICODE, SHORT_BINUNICODE, BINUNICODE8
            b'X' => {
                let length = self.length4()?;
                self.push_text(length, at)?;
            }
            0x8c => {
                let length = self.byte()?.into();
                self.push_text(length, at)?;
            }
            0x8d => {
                let length = self.length8()?;
                self.push_text(length, at)?;
            }
            b'V' => {
                let text = Rc::from(self.line()?);
                self.push(Value::Text(text))?;
            }
            // SHORT_BINSTRING, BINSTRING: Python 2's text.
            b'U' => {
                let length = self.byte()?.into();
                self.push_text(length, at)?;
            }
            b'T' => {
                let length = self.length4()?;
                self.push_text(length, at)?;
            }
            b'S' => {
                let line = self.line()?;
                let text = line.trim_matches(['\'', '"']);
                self.push(Value::Text(Rc::from(text)))?;
            }
            // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
            b'C' => {
                let length = self.byte()?.into();
                self.take(length)?;
                self.push(Value::Opaque("bytes"))?;
            }
            b'B' => {
                let length = self.length4()?;
                self.take(length)?;
                self.push(Value::Opaque("bytes"))?;
            }
            0x8e | 0x96 => {
                let length = self.length8()?;
                self.take(length)?;
                self.push(Value::Opaque("bytes"))?;
            }
            b']' => self.push(Value::list(Vec::new()))?,
            b'}' => self.push(Value::dict())?,
            0x8f => self.push(Value::list(Vec::new()))?,
            b')' => self.push(Value::tuple(Vec::new()))?,
            b'l' => {
                let items = self.pop_mark()?;
                self.push(Value::list(items))?;
            }
            b't' => {
                let items = self.pop_mark()?;
                self.push(Value::tuple(items))?;
            }
            0x91 => {
                let items = self.pop_mark()?;
                self.push(Value::tuple(items))?;
            }
            b'd' => {
                let items = self.pop_mark()?;
                let dict = Value::dict();
                self.set_items(&dict, items, at)?;
                self.push(dict)?;
            }
            0x85..=0x87 => {
                let count = usize::from(opcode - 0x84);
                let start = self.stack.len().checked_sub(count).ok_or(empty(at))?;
                let items: Vec<Value> = self.stack.drain(start..).collect();
                self.push(Value::tuple(items))?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item], at)?;
            }
            b'e' | 0x90 => {
                let items = self.pop_mark()?;
                self.append(items, at)?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                let dict = self.top()?.clone();
                self.set_items(&dict, vec![key, value], at)?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                let dict = self.top()?.clone();
                self.set_items(&dict, items, at)?;
            }
            b'q' => {
                let index = self.byte()?.into();
                self.remember(index, at)?;
            }
            b'r' => {
                let index = self.length4()?;
                self.remember(index, at)?;
            }
            b'p' => {
                let text = self.line()?;
                let index = text.parse().map_err(|_| nonsense(at, "a number is expected"))?;
                self.remember(index, at)?;
            }
            0x94 => {
                let index = self.memo.len();
                self.remember(index, at)?;
            }
            b'h' => {
                let index = self.byte()?.into();
                self.recall(index, at)?;
            }
            b'j' => {
                let index = self.length4()?;
                self.recall(index, at)?;
            }
            b'g' => {
                let text = self.line()?;
                let index = text.parse().map_err(|_| nonsense(at, "a number is expected"))?;
                self.recall(index, at)?;
            }
            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                self.push(Value::Global(format!("{module}.{name}").into()))?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) = (module, name) else {
                    return Err(nonsense(at, "a name is expected"));
                };
                self.push(Value::Global(format!("{module}.{name}").into()))?;
            }
            // REDUCE, NEWOBJ
            b'R' | 0x81 => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                let value = value::call(&callable, &arguments, at)?;
                self.push(value)?;
            }
            0x92 => {
                let (_, arguments, callable) = (self.pop()?, self.pop()?, self.pop()?);
                let value = value::call(&callable, &arguments, at)?;
                self.push(value)?;
            }
            // OBJ, INST
            b'o' | b'i' => {
                let callable = if opcode == b'i' {
                    format!("{}.{}", self.line()?, self.line()?)
                } else {
                    let items = self.pop_mark()?;
                    items.first().map_or_else(String::new, Value::name)
                };
                return Err(PickleError::Call { callable });
            }
            // BUILD: an OrderedDict's attributes, such as PyTorch's `_metadata`, are left out.
            b'b' => {
                self.pop()?;
                self.top()?;
            }
            b'Q' => {
                let id = self.pop()?;
                let storage = Storage::from_persistent_id(&id)
                    .ok_or(nonsense(at, "a storage is expected"))?;
                self.push(Value::Storage(storage.into()))?;
            }
            found => return Err(PickleError::Opcode { found, at }),
        }
        Ok(())
    }

    fn push(&mut self, value: Value) -> Result<(), PickleError> {
        self.made += 1;
        if self.made > MOST_VALUES {
            return Err(PickleError::TooLarge);
        }
        self.containers.note(&value);
        self.stack.push(value);
        Ok(())
    }

    fn push_text(&mut self, length: usize, at: usize) -> Result<(), PickleError> {
        let bytes = self.take(length)?;
        let text = std::str::from_utf8(bytes).map_err(|_| nonsense(at, "text is expected"))?;
        self.push(Value::Text(text.into()))
    }

    fn pop(&mut self) -> Result<Value, PickleError> {
        // What a mark protects is not to be had one by one.
        if self.marks.last().is_some_and(|&mark| self.stack.len() <= mark) {
            return Err(empty(self.at));
        }
        self.stack.pop().ok_or(empty(self.at))
    }

    fn pop_mark(&mut self) -> Result<Vec<Value>, PickleError> {
        let mark = self.marks.pop().ok_or(nonsense(self.at, "a mark is missing"))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn top(&self) -> Result<&Value, PickleError> {
        self.stack.last().ok_or(empty(self.at))
    }

    fn append(&mut self, items: Vec<Value>, at: usize) -> Result<(), PickleError> {
        match self.top()? {
            Value::List(list) => list.borrow_mut().extend(items),
            Value::Opaque(_) => {}
            _ => return Err(nonsense(at, "a list is expected")),
        }
        Ok(())
    }

    fn set_items(&self, dict: &Value, items: Vec<Value>, at: usize) -> Result<(), PickleError> {
        let dict = match dict {
            Value::Dict(dict) => dict,
            Value::Opaque(_) => return Ok(()),
            _ => return Err(nonsense(at, "a dictionary is expected")),
        };
        if !items.len().is_multiple_of(2) {
            return Err(nonsense(at, "a key without a value"));
        }
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            dict.borrow_mut().push((key, value));
        }
        Ok(())
    }

    fn remember(&mut self, index: usize, at: usize) -> Result<(), PickleError> {
        let value = self.top()?.clone();
        // Picklers count up: an index far ahead is damage, or an attempt to use up memory.
        if index > self.made + 1 {
            return Err(nonsense(at, "a memory's number is out of order"));
        }
        if self.memo.len() <= index {
            self.memo.resize(index + 1, None);
        }
        self.memo[index] = Some(value);
        Ok(())
    }

    fn recall(&mut self, index: usize, at: usize) -> Result<(), PickleError> {
        let value = self.memo.get(index).cloned().flatten();
        self.push(value.ok_or(nonsense(at, "nothing was remembered there"))?)
    }

    fn number(&self, text: &str, at: usize) -> Result<i64, PickleError> {
        text.trim().parse().map_err(|_| nonsense(at, "a number is expected"))
    }

    fn byte(&mut self) -> Result<u8, PickleError> {
        Ok(self.array::<1>()?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let bytes = self.take(N)?;
        Ok(bytes.try_into().expect("as many bytes were taken"))
    }

    fn length4(&mut self) -> Result<usize, PickleError> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    fn length8(&mut self) -> Result<usize, PickleError> {
        let truncated = PickleError::Truncated { at: self.bytes.len() };
        usize::try_from(u64::from_le_bytes(self.array()?)).map_err(|_| truncated)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], PickleError> {
        let end = self.at.checked_add(count).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or(PickleError::Truncated { at: self.bytes.len() })?;
        let bytes = &self.bytes[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    /// Up to the end of a line, without it.
    fn line(&mut self) -> Result<&'a str, PickleError> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n');
        let length = length.ok_or(PickleError::Truncated { at: self.bytes.len() })?;
        let at = self.at;
        let line = self.take(length + 1)?;
        std::str::from_utf8(&line[..length]).map_err(|_| nonsense(at, "text is expected"))
    }
}

/// A two's complement integer, little-endian, if 64 bits can hold it.
fn long(bytes: &[u8]) -> Option<i64> {
    if bytes.len() > 8 {
        return None;
    }
    let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
    let mut whole = [if negative { 0xff } else { 0 }; 8];
    whole[..bytes.len()].copy_from_slice(bytes);
    Some(i64::from_le_bytes(whole))
}

fn nonsense(at: usize, what: &'static str) -> PickleError {
    PickleError::Nonsense { at, what }
}

fn empty(at: usize) -> PickleError {
    nonsense(at, "a value is missing")
}
