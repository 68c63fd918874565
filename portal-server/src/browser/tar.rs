//! As much of tar as one small file needs: the engine hands files of a container in and out in it.

const BLOCK: usize = 512;

/// An archive of one file, readable for all and owned by root. The name must be short.
pub(super) fn of_file(name: &str, content: &[u8]) -> Vec<u8> {
    let mut head = [0u8; BLOCK];
    let mut put =
        |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{:011o}", content.len()));
    put(136, "00000000000");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = head.to_vec();
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    archive
}

/// The first plain file of an archive; none where there is none, or it is cut short.
pub(super) fn first_file(archive: &[u8]) -> Option<Vec<u8>> {
    let mut rest = archive;
    loop {
        let (head, after) = rest.split_at_checked(BLOCK)?;
        if head.iter().all(|byte| *byte == 0) {
            return None;
        }
        let size = std::str::from_utf8(&head[124..136]).ok()?;
        let size = usize::from_str_radix(size.trim_matches(['\0', ' ']), 8).ok()?;
        if matches!(head[156], b'0' | 0) {
            return after.get(..size).map(<[u8]>::to_vec);
        }
        // Names and times that do not fit into a head stand before it, as files of a kind of their own.
        rest = after.get(size.checked_next_multiple_of(BLOCK)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_out_as_it_went_in() {
        for content in ["", "command=firefox\n", &"x".repeat(512), &"y".repeat(1025)] {
            let archive = of_file("firefox.conf", content.as_bytes());
            assert_eq!(archive.len() % BLOCK, 0);
            assert_eq!(first_file(&archive).unwrap(), content.as_bytes());
        }
    }

    #[test]
    fn other_entries_are_passed_by() {
        let mut other = of_file("pax", b"30 mtime=1.5\n");
        other.truncate(2 * BLOCK);
        other[156] = b'x';
        other.extend(of_file("policies.json", b"{}"));
        assert_eq!(first_file(&other).unwrap(), b"{}");
    }

    #[test]
    fn what_is_no_archive_has_no_file() {
        let good = of_file("a", b"abc");
        let mut wrong_size = good.clone();
        wrong_size[124..135].copy_from_slice(b"77777777777");
        for archive in [
            &good[..100],
            &good[..514],
            &[0; 1024],
            &[b'x'; 600],
            &wrong_size,
        ] {
            assert_eq!(first_file(archive), None);
        }
    }
}
