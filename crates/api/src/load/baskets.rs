//! Reads the year of invoice lines into memory, compactly: what was bought together, and what was left out and why.
//!
//! It knows the file and nothing of Daybook: which lines are good, who bought, what a product first cost. It never guesses:
//! a line is good, or left out for a named reason, or the file is refused.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use csv::StringRecord;
use flate2::bufread::MultiGzDecoder;

use super::country;
use super::line::{FIELDS, Fields, LeftOut, Month};

const HEADER: &str = "invoice,stock_code,description,quantity,invoiced_at,unit_price,customer_id,country";
/// A `u32` numbers lines, products and customers, and adding up cannot overflow: a thousand times the real year.
const LINES_MAX: u64 = 500_000_000;
/// How much of a foreign header a message shows.
const SHOWN_HEADER_CHARS: usize = 120;

/// Everything that the file sells, in the order of the file.
#[derive(Debug)]
pub struct Baskets {
    /// In the order of their first good line.
    pub products: Vec<Product>,
    /// In the order of their first good line.
    pub invoices: Vec<Invoice>,
    /// The file's customer ids, in the order of their first good line.
    pub customers: Vec<Box<str>>,
    pub counts: LineCounts,
    /// Grouped by invoice.
    lines: Vec<Line>,
}

#[derive(Debug)]
pub struct Product {
    pub sku: Box<str>,
    /// In pence, as its first good line has it.
    pub price: i64,
    /// The first description that is not empty.
    pub name: Option<Box<str>>,
}

#[derive(Debug)]
pub struct Invoice {
    pub number: Box<str>,
    /// An index into [`Baskets::customers`]; none is a guest.
    pub customer: Option<u32>,
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    pub month: Month,
    lines: Range<u32>,
}

/// One good line. The same product may stand on several lines of an invoice.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// An index into [`Baskets::products`].
    pub product: u32,
    pub quantity: u32,
}

#[derive(Debug, Default)]
pub struct LineCounts {
    /// Of the file, its header apart.
    pub lines: u64,
    pub good: u64,
    pub units: u64,
    left_out: [u64; LeftOut::ALL.len()],
}

impl LineCounts {
    pub fn left_out(&self, reason: LeftOut) -> u64 {
        self.left_out[reason as usize]
    }

    pub fn left_out_total(&self) -> u64 {
        self.left_out.iter().sum()
    }
}

/// Why a file was refused. Each is one line to whoever named the file.
#[derive(Debug, thiserror::Error)]
pub enum BasketsError {
    #[error("cannot open {path}")]
    Open { path: PathBuf, source: io::Error },
    #[error("{path} is not a gzip file")]
    NotGzip { path: PathBuf },
    #[error("{path} is truncated: it ends at line {line}, in the middle of {}", if *.in_gzip { "its compressed data" } else { "a line" })]
    Truncated { path: PathBuf, line: u64, in_gzip: bool },
    #[error("{path} has another header: {found:?}, where {HEADER:?} is expected")]
    Header { path: PathBuf, found: String },
    #[error("{path}, line {line}: {found} fields, where {FIELDS} are expected")]
    Fields { path: PathBuf, line: u64, found: usize },
    #[error("{path}, line {line}: {value:?} is no time such as 2010-12-01T08:26:00Z")]
    Time { path: PathBuf, line: u64, value: String },
    #[error("{path}, line {line}: more than {LINES_MAX} lines")]
    TooLong { path: PathBuf, line: u64 },
    #[error("{path} cannot be read after line {line}")]
    Read { path: PathBuf, line: u64, source: csv::Error },
}

impl Baskets {
    /// Reads the whole file once, streaming.
    pub fn read(path: &Path) -> Result<Self, BasketsError> {
        let fail = |source| BasketsError::Open { path: path.to_owned(), source };
        let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(fail)?);
        if !file.fill_buf().map_err(fail)?.starts_with(&[0x1f, 0x8b]) {
            return Err(BasketsError::NotGzip { path: path.to_owned() });
        }
        Reading::new(path, MultiGzDecoder::new(file)).run()
    }

    pub fn lines_of(&self, invoice: &Invoice) -> &[Line] {
        &self.lines[invoice.lines.start as usize..invoice.lines.end as usize]
    }

    /// Customers and invoices without one.
    pub fn guests(&self) -> usize {
        self.invoices.iter().filter(|invoice| invoice.customer.is_none()).count()
    }
}

/// A file while it is read: names become indices, and lines wait to be grouped.
struct Reading<'a, R> {
    path: &'a Path,
    csv: csv::Reader<LastByte<R>>,
    baskets: Baskets,
    skus: HashMap<Box<str>, u32>,
    customers: HashMap<Box<str>, u32>,
    invoices: HashMap<Box<str>, u32>,
    /// The invoice of each of `baskets.lines`.
    invoice_of: Vec<u32>,
}

impl<'a, R: Read> Reading<'a, R> {
    fn new(path: &'a Path, text: R) -> Self {
        let csv = csv::ReaderBuilder::new().flexible(true).from_reader(LastByte { inner: text, last: b'\n' });
        let baskets = Baskets {
            products: Vec::new(),
            invoices: Vec::new(),
            customers: Vec::new(),
            counts: LineCounts::default(),
            lines: Vec::new(),
        };
        let (skus, customers, invoices) = <(HashMap<_, _>, HashMap<_, _>, HashMap<_, _>)>::default();
        Self { path, csv, baskets, skus, customers, invoices, invoice_of: Vec::new() }
    }

    fn run(mut self) -> Result<Baskets, BasketsError> {
        self.check_header()?;
        let mut record = StringRecord::new();
        while self.next(&mut record)? {
            match Fields::of(&record) {
                Some(line) => self.take(&line)?,
                None => return Err(self.wrong_fields(&mut record)),
            }
        }
        if self.csv.get_ref().last != b'\n' {
            return Err(self.truncated(false));
        }
        Ok(self.group())
    }

    fn check_header(&mut self) -> Result<(), BasketsError> {
        let header = self.csv.headers().cloned().map_err(|error| self.failed(error))?;
        if header.iter().eq(HEADER.split(',')) {
            return Ok(());
        }
        let found = header.iter().collect::<Vec<_>>().join(",").chars().take(SHOWN_HEADER_CHARS).collect();
        Err(BasketsError::Header { path: self.path.to_owned(), found })
    }

    fn next(&mut self, record: &mut StringRecord) -> Result<bool, BasketsError> {
        let found = self.csv.read_record(record).map_err(|error| self.failed(error))?;
        self.baskets.counts.lines += u64::from(found);
        if self.baskets.counts.lines > LINES_MAX {
            return Err(BasketsError::TooLong { path: self.path.to_owned(), line: self.line() });
        }
        Ok(found)
    }

    fn take(&mut self, line: &Fields<'_>) -> Result<(), BasketsError> {
        let (quantity, price) = match line.judge() {
            Ok(good) => good,
            Err(reason) => {
                self.baskets.counts.left_out[reason as usize] += 1;
                return Ok(());
            }
        };
        let invoice = self.invoice(line)?;
        let product = self.product(line, price);
        self.baskets.lines.push(Line { product, quantity });
        self.invoice_of.push(invoice);
        self.baskets.counts.good += 1;
        self.baskets.counts.units += u64::from(quantity);
        Ok(())
    }

    fn invoice(&mut self, line: &Fields<'_>) -> Result<u32, BasketsError> {
        if let Some(&known) = self.invoices.get(line.invoice) {
            return Ok(known);
        }
        let month = Month::parse(line.invoiced_at).ok_or_else(|| BasketsError::Time {
            path: self.path.to_owned(),
            line: self.line(),
            value: line.invoiced_at.to_owned(),
        })?;
        let customer = (!line.customer_id.is_empty()).then(|| self.customer(line.customer_id));
        let number: Box<str> = line.invoice.into();
        let index = index_after(&self.baskets.invoices);
        self.invoices.insert(number.clone(), index);
        let country = country::alpha_2(line.country);
        self.baskets.invoices.push(Invoice { number, customer, country, month, lines: 0..0 });
        Ok(index)
    }

    fn customer(&mut self, id: &str) -> u32 {
        if let Some(&known) = self.customers.get(id) {
            return known;
        }
        let index = index_after(&self.baskets.customers);
        self.customers.insert(id.into(), index);
        self.baskets.customers.push(id.into());
        index
    }

    fn product(&mut self, line: &Fields<'_>, price: i64) -> u32 {
        let description = line.description.trim();
        let name = (!description.is_empty()).then(|| description.into());
        if let Some(&known) = self.skus.get(line.stock_code) {
            let product = &mut self.baskets.products[known as usize];
            product.name = product.name.take().or(name);
            return known;
        }
        let index = index_after(&self.baskets.products);
        self.skus.insert(line.stock_code.into(), index);
        self.baskets.products.push(Product { sku: line.stock_code.into(), price, name });
        index
    }

    /// Counting sort by invoice; the lines of one keep the order of the file.
    fn group(self) -> Baskets {
        let mut baskets = self.baskets;
        for &invoice in &self.invoice_of {
            baskets.invoices[invoice as usize].lines.end += 1;
        }
        let mut start = 0;
        for invoice in &mut baskets.invoices {
            let count = invoice.lines.end;
            invoice.lines = start..start;
            start += count;
        }
        let mut grouped = vec![Line { product: 0, quantity: 0 }; baskets.lines.len()];
        for (line, invoice) in baskets.lines.iter().zip(self.invoice_of) {
            let range = &mut baskets.invoices[invoice as usize].lines;
            grouped[range.end as usize] = *line;
            range.end += 1;
        }
        baskets.lines = grouped;
        baskets
    }

    /// The last line that was read; the header is the first.
    fn line(&self) -> u64 {
        self.baskets.counts.lines + 1
    }

    /// The last line of a file that was cut off is short too; that is the better explanation.
    fn wrong_fields(&mut self, record: &mut StringRecord) -> BasketsError {
        let (line, found) = (self.line(), record.len());
        match self.next(record) {
            Ok(false) if self.csv.get_ref().last != b'\n' => self.truncated(false),
            _ => BasketsError::Fields { path: self.path.to_owned(), line, found },
        }
    }

    fn truncated(&self, in_gzip: bool) -> BasketsError {
        BasketsError::Truncated { path: self.path.to_owned(), line: self.line(), in_gzip }
    }

    fn failed(&self, source: csv::Error) -> BasketsError {
        let cut_off =
            matches!(source.kind(), csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof);
        if cut_off {
            return self.truncated(true);
        }
        BasketsError::Read { path: self.path.to_owned(), line: self.line(), source }
    }
}

/// The next index into `items`; [`LINES_MAX`] keeps it below 2^32.
fn index_after<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).expect("there are at most as many as lines")
}

/// Remembers the last byte: a text that does not end with its line was cut off.
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

#[cfg(test)]
pub(crate) mod tests;
