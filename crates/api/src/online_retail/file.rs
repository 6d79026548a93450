//! The file, a line at a time. It refuses what is not whole or not that file, and names the line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use csv::StringRecord;
use flate2::bufread::MultiGzDecoder;

use super::fields::{FIELDS, Fields};

pub const HEADER: &str = "invoice,stock_code,description,quantity,invoiced_at,unit_price,customer_id,country";
/// A `u32` numbers lines, products and customers, and adding up cannot overflow: a thousand times the real year.
pub const LINES_MAX: u64 = 500_000_000;
/// How much of a foreign header a message shows.
const SHOWN_HEADER_CHARS: usize = 120;
/// What the decompression reads at once.
const BUFFER_BYTES: usize = 1 << 16;

/// Why a file was refused. Each is one line to whoever named the file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("cannot open {path}")]
    Open { path: PathBuf, source: io::Error },
    #[error("{path} is not a gzip file")]
    NotGzip { path: PathBuf },
    #[error("{path} is truncated: it ends at line {line}, in the middle of {}", if *.in_gzip { "its compressed data" } else { "a line" })]
    Truncated { path: PathBuf, line: u64, in_gzip: bool },
    #[error("{path}, line 1 has another header: {found:?}, where {HEADER:?} is expected")]
    Header { path: PathBuf, found: String },
    #[error("{path}, line {line}: {found} fields, where {FIELDS} are expected")]
    Fields { path: PathBuf, line: u64, found: usize },
    #[error("{path}, line {line}: {value:?} is no {expected}")]
    Value { path: PathBuf, line: u64, value: String, expected: &'static str },
    #[error("{path}, line {line}: more than {LINES_MAX} lines")]
    TooLong { path: PathBuf, line: u64 },
    #[error("{path} cannot be read after line {line}")]
    Read { path: PathBuf, line: u64, source: csv::Error },
}

/// What [`FileError::Value`] expects of a time.
pub(crate) const A_TIME: &str = "time such as 2010-12-01T08:26:00Z";

/// The lines of a file, good and bad.
#[derive(Debug)]
pub struct SaleLines<R> {
    path: PathBuf,
    csv: csv::Reader<LastByte<R>>,
    lines: u64,
    record: StringRecord,
}

/// A gzipped one.
pub type SaleFile = SaleLines<MultiGzDecoder<BufReader<File>>>;

impl SaleFile {
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let fail = |source| FileError::Open { path: path.to_owned(), source };
        let mut file = BufReader::with_capacity(BUFFER_BYTES, File::open(path).map_err(fail)?);
        if !file.fill_buf().map_err(fail)?.starts_with(&[0x1f, 0x8b]) {
            return Err(FileError::NotGzip { path: path.to_owned() });
        }
        Self::of(path, MultiGzDecoder::new(file))
    }
}

impl<R: Read> SaleLines<R> {
    fn of(path: &Path, text: R) -> Result<Self, FileError> {
        let csv = csv::ReaderBuilder::new().flexible(true).from_reader(LastByte { inner: text, last: b'\n' });
        let mut lines = Self { path: path.to_owned(), csv, lines: 0, record: StringRecord::new() };
        lines.check_header()?;
        Ok(lines)
    }

    fn check_header(&mut self) -> Result<(), FileError> {
        let header = self.csv.headers().cloned().map_err(|error| self.failed(error))?;
        if header.iter().eq(HEADER.split(',')) {
            return Ok(());
        }
        let found = header.iter().collect::<Vec<_>>().join(",").chars().take(SHOWN_HEADER_CHARS).collect();
        Err(FileError::Header { path: self.path.clone(), found })
    }

    /// The next line, until there is none.
    pub fn read(&mut self) -> Result<Option<Fields<'_>>, FileError> {
        if !self.advance()? {
            return if self.csv.get_ref().last == b'\n' { Ok(None) } else { Err(self.truncated(false)) };
        }
        if self.record.len() != FIELDS {
            return Err(self.wrong_fields());
        }
        Ok(Fields::of(&self.record))
    }

    /// A value of the line that was read last.
    pub fn wrong(&self, value: &str, expected: &'static str) -> FileError {
        FileError::Value { path: self.path.clone(), line: self.line(), value: value.to_owned(), expected }
    }

    /// How many were read, the header apart.
    pub fn count(&self) -> u64 {
        self.lines
    }

    /// The number of the line that was read last; the header is the first.
    fn line(&self) -> u64 {
        self.lines + 1
    }

    fn advance(&mut self) -> Result<bool, FileError> {
        let found = self.csv.read_record(&mut self.record);
        let found = found.map_err(|error| self.failed(error))?;
        self.lines += u64::from(found);
        if self.lines > LINES_MAX {
            return Err(FileError::TooLong { path: self.path.clone(), line: self.line() });
        }
        Ok(found)
    }

    /// The last line of a file that was cut off is short too; that is the better explanation.
    fn wrong_fields(&mut self) -> FileError {
        let (line, found) = (self.line(), self.record.len());
        match self.advance() {
            Ok(false) if self.csv.get_ref().last != b'\n' => self.truncated(false),
            _ => FileError::Fields { path: self.path.clone(), line, found },
        }
    }

    fn truncated(&self, in_gzip: bool) -> FileError {
        FileError::Truncated { path: self.path.clone(), line: self.line(), in_gzip }
    }

    fn failed(&self, source: csv::Error) -> FileError {
        let cut_off =
            matches!(source.kind(), csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof);
        if cut_off {
            return self.truncated(true);
        }
        FileError::Read { path: self.path.clone(), line: self.line(), source }
    }
}

/// Remembers the last byte: a text that does not end with its line was cut off.
#[derive(Debug)]
struct LastByte<R> {
    inner: R,
    last: u8,
}

impl<R: Read> Read for LastByte<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        if let Some(&last) = buffer[..length].last() {
            self.last = last;
        }
        Ok(length)
    }
}
