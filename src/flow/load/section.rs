//! What a flow's own file and its modules have alike: types, calendars, hours, facts, lookups and blocks. A module's names
//! stand behind its own: `verify.account`.

use super::limits::{MAX_BLOCKS, MAX_FACTS, MAX_HOURS, MAX_LOOKUPS, MAX_MODULES};
use super::{Loading, block, facts, hours, lookups};
use crate::flow::model::{Block, Escape};
use crate::flow::shape::tables;
use crate::yaml::{self, Faults, Fields, Node, Source, Word};

type Entries<'n> = &'n [(Word, Node)];

/// A file's share of the flow.
pub struct Section<'n> {
    /// 0 is the flow's own.
    file: usize,
    module: Option<String>,
    types: Option<&'n Node>,
    calendars: Option<&'n Node>,
    hours: Entries<'n>,
    facts: Entries<'n>,
    lookups: Entries<'n>,
    blocks: Entries<'n>,
}

/// The files that `use:` names.
pub fn named(fields: &mut Fields, faults: &mut Faults) -> Vec<Word> {
    let Some(node) = fields.take("use") else { return Vec::new() };
    let mut files = node.words("files of modules as `[verify.yaml]`", MAX_MODULES, faults).unwrap_or_else(Vec::new);
    files.retain(|file| {
        let sound = !file.text.starts_with('/') && !file.text.split(['/', '\\']).any(|part| part == "..");
        if !sound {
            let message = format!("`{}` leads out of the flow's folder", file.text);
            faults.error("bad-path", file.span, message).remedy("name a file beside the flow: verify.yaml");
        }
        sound
    });
    files
}

/// A module's text as a tree; its mistakes are told with its own path.
pub fn read(module: &Source, loading: &mut Loading) -> Option<Node> {
    loading.modules.push(Faults::new(&module.path));
    let at = loading.modules.len();
    loading.swap(at);
    let node = yaml::read(module, &mut loading.faults);
    loading.swap(at);
    node
}

pub fn of_flow<'n>(fields: &mut Fields<'n>, loading: &mut Loading) -> Section<'n> {
    section(0, None, fields, loading)
}

/// `module: NAME`, and what it brings.
pub fn of_module<'n>(node: &'n Node, file: usize, loading: &mut Loading) -> Option<Section<'n>> {
    loading.swap(file);
    let section = Fields::of(node, "the module", &mut loading.faults).and_then(|mut fields| {
        fields = fields.by(tables::MODULE);
        fields.version(&mut loading.faults);
        let name = fields.need("module", &mut loading.faults);
        let name = name.and_then(|node| node.name("a module's name", &mut loading.faults));
        let section = section(file, name.as_ref().map(|name| name.text.clone()), &mut fields, loading);
        fields.finish(&mut loading.faults);
        name.map(|_| section)
    });
    loading.swap(file);
    section
}

fn section<'n>(file: usize, module: Option<String>, fields: &mut Fields<'n>, loading: &mut Loading) -> Section<'n> {
    let blocks = fields.take("blocks");
    if blocks.is_none() && module.is_none() {
        fields.missing("blocks", &mut loading.faults);
    }
    let mut entries = |node: Option<&'n Node>, what, most| -> Entries<'n> {
        node.and_then(|node| node.map(what, most, &mut loading.faults)).unwrap_or(&[])
    };
    Section {
        file,
        module,
        types: fields.take("types"),
        calendars: fields.take("calendars"),
        hours: entries(fields.take("hours"), "the hours", MAX_HOURS),
        facts: entries(fields.take("facts"), "the facts", MAX_FACTS),
        lookups: entries(fields.take("lookups"), "the lookups", MAX_LOOKUPS),
        blocks: entries(blocks, "the blocks", MAX_BLOCKS),
    }
}

/// Does something for each file, with its own place for what is wrong.
fn each<'n>(sections: &[Section<'n>], loading: &mut Loading, mut act: impl FnMut(&Section<'n>, &mut Loading)) {
    for section in sections {
        loading.swap(section.file);
        loading.module.clone_from(&section.module);
        act(section, loading);
        loading.module = None;
        loading.swap(section.file);
    }
}

/// Every name of every file, before anything is read.
pub fn declare(sections: &[Section], loading: &mut Loading) {
    each(sections, loading, |section, loading| {
        facts::types(section.types, loading);
        hours::calendars(section.calendars, loading);
        loading.declare(section.hours, "the name of hours", |loading| &mut loading.hours);
        loading.declare(section.facts, "the name of a fact", |loading| &mut loading.facts);
        loading.declare(section.lookups, "the name of a lookup", |loading| &mut loading.lookups);
        for (name, _) in section.blocks {
            loading.name_block(name);
        }
    });
}

pub fn define(sections: &[Section], loading: &mut Loading) {
    each(sections, loading, |section, loading| {
        loading.define(section.hours, hours::hours, |loading| &mut loading.hours);
        loading.define(section.facts, facts::question, |loading| &mut loading.facts);
        loading.define(section.lookups, lookups::lookup, |loading| &mut loading.lookups);
    });
}

/// What only shows when facts, lookups and the escape are seen together.
pub fn against(sections: &[Section], escape: Option<Escape>, loading: &mut Loading) {
    each(sections, loading, |_, loading| {
        lookups::against_facts(loading);
        facts::against_escape(escape, loading);
    });
}

pub fn blocks(sections: &[Section], loading: &mut Loading) -> Vec<Block> {
    let mut blocks = Vec::new();
    each(sections, loading, |section, loading| {
        blocks.extend(section.blocks.iter().map(|(name, steps)| block(name, steps, section.file, loading)));
    });
    blocks
}
