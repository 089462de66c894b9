//! Memory that belongs to somebody else: where batches come from and reads go to.
//!
//! The log never holds a reference into it, because its owner may write to it at any time: bytes
//! are copied out once, checked and written from the copy.

/// Memory in numbered areas. Callers stay within `area_bytes`.
pub trait Areas: Send {
    fn area_bytes(&self, area: usize) -> usize;
    fn copy_out(&self, area: usize, offset: usize, into: &mut [u8]);
    fn copy_in(&self, area: usize, offset: usize, from: &[u8]);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub area: usize,
    pub offset: usize,
    pub bytes: usize,
}

/// Parts one behind the other as one stream, from a position that only moves forward.
pub struct Stream<'a> {
    parts: std::slice::Iter<'a, Part>,
    current: Part,
    remaining: usize,
}

impl<'a> Stream<'a> {
    pub fn new(parts: &'a [Part]) -> Stream<'a> {
        Stream {
            parts: parts.iter(),
            current: Part { area: 0, offset: 0, bytes: 0 },
            remaining: parts.iter().map(|part| part.bytes).sum(),
        }
    }

    pub fn remaining(&self) -> usize {
        self.remaining
    }

    /// The next piece of at most `bytes`; an empty one at the end.
    fn take(&mut self, bytes: usize) -> Part {
        while self.current.bytes == 0 {
            match self.parts.next() {
                Some(part) => self.current = *part,
                None => break,
            }
        }
        let piece = Part { bytes: self.current.bytes.min(bytes), ..self.current };
        self.current.offset += piece.bytes;
        self.current.bytes -= piece.bytes;
        self.remaining -= piece.bytes;
        piece
    }

    /// False when the stream ends before `into` is full.
    pub fn copy_out(&mut self, areas: &dyn Areas, into: &mut [u8]) -> bool {
        let mut done = 0;
        while done < into.len() {
            let piece = self.take(into.len() - done);
            if piece.bytes == 0 {
                return false;
            }
            areas.copy_out(piece.area, piece.offset, &mut into[done..done + piece.bytes]);
            done += piece.bytes;
        }
        true
    }

    /// False when the stream ends before all of `from` is stored.
    pub fn copy_in(&mut self, areas: &dyn Areas, from: &[u8]) -> bool {
        let mut done = 0;
        while done < from.len() {
            let piece = self.take(from.len() - done);
            if piece.bytes == 0 {
                return false;
            }
            areas.copy_in(piece.area, piece.offset, &from[done..done + piece.bytes]);
            done += piece.bytes;
        }
        true
    }
}

/// Plain memory, for tests and simulations.
pub struct OwnAreas {
    areas: Vec<std::cell::RefCell<Vec<u8>>>,
}

impl OwnAreas {
    pub fn new(areas: Vec<Vec<u8>>) -> OwnAreas {
        OwnAreas { areas: areas.into_iter().map(std::cell::RefCell::new).collect() }
    }

    pub fn area(&self, area: usize) -> Vec<u8> {
        self.areas[area].borrow().clone()
    }
}

impl Areas for OwnAreas {
    fn area_bytes(&self, area: usize) -> usize {
        self.areas[area].borrow().len()
    }

    fn copy_out(&self, area: usize, offset: usize, into: &mut [u8]) {
        into.copy_from_slice(&self.areas[area].borrow()[offset..offset + into.len()]);
    }

    fn copy_in(&self, area: usize, offset: usize, from: &[u8]) {
        self.areas[area].borrow_mut()[offset..offset + from.len()].copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_one_stream() {
        let areas = OwnAreas::new(vec![b"abcdef".to_vec(), b"XYZ".to_vec()]);
        let parts = [
            Part { area: 0, offset: 1, bytes: 2 },
            Part { area: 1, offset: 0, bytes: 0 },
            Part { area: 1, offset: 1, bytes: 2 },
        ];
        let mut stream = Stream::new(&parts);
        assert_eq!(stream.remaining(), 4);
        let mut bytes = [0; 3];
        assert!(stream.copy_out(&areas, &mut bytes));
        assert_eq!(&bytes, b"bcY");
        assert_eq!(stream.remaining(), 1);
        assert!(!stream.copy_out(&areas, &mut [0; 2]));
        assert!(Stream::new(&parts).copy_in(&areas, b"1234"));
        assert_eq!(areas.area(0), b"a12def");
        assert_eq!(areas.area(1), b"X34");
    }
}
