//! Pages of Ogg, taken apart and put together.

/// A page, whose checksum is made right when it is written.
#[derive(Clone)]
pub(crate) struct Page(Vec<u8>);

impl Page {
    pub(crate) fn flags(&mut self) -> &mut u8 {
        &mut self.0[5]
    }

    pub(crate) fn granule(&self) -> i64 {
        i64::from_le_bytes(self.0[6..14].try_into().unwrap())
    }

    pub(crate) fn set_granule(&mut self, granule: i64) {
        self.0[6..14].copy_from_slice(&granule.to_le_bytes());
    }

    pub(crate) fn set_sequence(&mut self, number: u32) {
        self.0[18..22].copy_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn sealed(&self) -> Vec<u8> {
        let mut page = self.0.clone();
        page[22..26].fill(0);
        let sum = page.iter().fold(0u32, |sum, &byte| {
            (0..8).fold(sum ^ u32::from(byte) << 24, |sum, _| {
                (sum << 1) ^ ((sum >> 31) * 0x04C1_1DB7)
            })
        });
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        page
    }
}

pub(crate) fn pages(file: &[u8]) -> Vec<Page> {
    let mut rest = file;
    let mut pages = Vec::new();
    while !rest.is_empty() {
        let segments = usize::from(rest[26]);
        let length: usize = rest[27..27 + segments]
            .iter()
            .map(|&l| usize::from(l))
            .sum();
        let (page, next) = rest.split_at(27 + segments + length);
        pages.push(Page(page.to_vec()));
        rest = next;
    }
    pages
}

pub(crate) fn file(pages: &[Page]) -> Vec<u8> {
    pages.iter().flat_map(Page::sealed).collect()
}

/// The same with the pages numbered from 0 on.
pub(crate) fn numbered(mut pages: Vec<Page>) -> Vec<u8> {
    for (page, number) in pages.iter_mut().zip(0..) {
        page.set_sequence(number);
    }
    file(&pages)
}
