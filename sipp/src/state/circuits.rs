//! The TDM circuits of `-tdmmap`: each outgoing call has one as long as it lasts.

/// `{a-b}{h}{c-d}{e-f}`: the circuits `x.h.y/z` with x, y and z in those ranges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitTable {
    x: (u32, u32),
    h: u32,
    y: (u32, u32),
    z: (u32, u32),
}

/// A circuit of a [`CircuitTable`], counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circuit(u32);

impl Circuit {
    /// Its place among all circuits of its table, from 0.
    pub fn place(self) -> usize {
        self.0 as usize
    }
}

impl CircuitTable {
    /// Reads the value of `-tdmmap`. Error: SIPp's text.
    pub fn parse(text: &str) -> Result<CircuitTable, String> {
        let parsed = || {
            let inner = text.strip_prefix('{')?.strip_suffix('}')?;
            let parts: Vec<&str> = inner.split("}{").collect();
            let [x, h, y, z] = parts[..] else { return None };
            let range = |text: &str| {
                let (first, last) = text.split_once('-')?;
                let (first, last) = (first.parse().ok()?, last.parse().ok()?);
                (first <= last).then_some((first, last))
            };
            Some(CircuitTable { x: range(x)?, h: h.parse().ok()?, y: range(y)?, z: range(z)? })
        };
        let wrong = || "Parameter -tdmmap must be of form {%d-%d}{%d}{%d-%d}{%d-%d}".to_owned();
        let table: CircuitTable = parsed().ok_or_else(wrong)?;
        match table.size() {
            Some(size) if size <= MOST => Ok(table),
            _ => Err(format!("-tdmmap {text} has more than {MOST} circuits")),
        }
    }

    /// All circuits.
    pub fn all(&self) -> impl Iterator<Item = Circuit> {
        (0..self.size().unwrap_or_default()).map(Circuit)
    }

    /// A circuit as `[tdmmap]` prints it.
    pub fn name(&self, circuit: Circuit) -> String {
        let (y, z) = (width(self.y).unwrap_or(1), width(self.z).unwrap_or(1));
        let (x, rest) = (circuit.0 / (y * z), circuit.0 % (y * z));
        format!("{}.{}.{}/{}", self.x.0 + x, self.h, self.y.0 + rest / z, self.z.0 + rest % z)
    }

    /// Circuits that differ in their last number only; screens show so many in a line.
    pub fn per_line(&self) -> usize {
        width(self.z).unwrap_or(1) as usize
    }

    fn size(&self) -> Option<u32> {
        width(self.x)?.checked_mul(width(self.y)?)?.checked_mul(width(self.z)?)
    }
}

fn width((first, last): (u32, u32)) -> Option<u32> {
    (last - first).checked_add(1)
}

/// More circuits than any exchange has.
const MOST: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::CircuitTable;

    #[test]
    fn circuits_are_numbered_through_all_ranges() {
        let table = CircuitTable::parse("{0-1}{99}{5-6}{1-3}").expect("valid");
        let names: Vec<String> = table.all().map(|circuit| table.name(circuit)).collect();
        assert_eq!(names.len(), 12);
        assert_eq!((names[0].as_str(), names[3].as_str()), ("0.99.5/1", "0.99.6/1"));
        assert_eq!(names.last().map(String::as_str), Some("1.99.6/3"));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["x", "{0-3}", "{0-3}{9}{1-2}{3}", "{3-0}{9}{1-2}{1-2}", "{0-9999}{1}{0-9999}{0-9999}"] {
            assert!(CircuitTable::parse(text).is_err(), "{text}");
        }
    }
}
