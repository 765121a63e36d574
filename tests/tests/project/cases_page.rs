//! `docs/cases.md` names a test for each case that once failed: each of them is in the tree.

use std::path::Path;

/// Name and file of every test that the page links to.
fn linked(page: &str) -> Vec<(&str, &str)> {
    let links = page.split("[`").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once("`](../")?;
        Some((name, rest.split_once(')')?.0))
    });
    links.collect()
}

#[test]
fn each_test_that_the_page_of_cases_names_is_in_the_tree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs_err::read_to_string(root.join("docs/cases.md")).unwrap();
    let linked = linked(&page);
    assert!(linked.len() > 80, "{} links", linked.len());
    let is_there = |name: &str, file: &str| {
        let text = fs_err::read_to_string(root.join(file)).unwrap_or_default();
        text.contains(&format!("fn {name}("))
    };
    let missing: Vec<_> = linked.into_iter().filter(|(name, file)| !is_there(name, file)).collect();
    assert!(missing.is_empty(), "docs/cases.md names tests that are not there: {missing:?}");
}
