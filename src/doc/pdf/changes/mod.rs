//! What later revisions did to a signed one: permitted, suspicious, or not decided (ISO 32000-2 section 12.8.2.2).
//!
//! The file is cut into steps at the ends of the signed revisions. Each step is compared once, whatever the number of
//! signatures before it; what a signature finds after itself is put together from the steps (`Chain`), so that work grows with
//! the file and not with the square of its signatures. In a step, every object whose place changed must be claimed by a rule
//! that knows its role and checks its old and new value (`rules`, `store`, `form`, `fill`, `annotations`); then one walk over
//! the newest revision checks that nothing refers to a claimed object except as that role allows (`edges`), so that an object
//! cannot be two things at once; and every octet of the step must be accounted for (`tiles`). What no rule claims is
//! suspicious; what a rule recognises but cannot settle is undecided.

mod alike;
mod annotations;
mod appearance;
mod edges;
mod fill;
mod form;
mod glyphs;
mod naming;
mod roles;
mod rules;
mod step;
mod store;
mod structure;
mod tiles;

use super::content::Place;
use super::document::{Document, Revision};
use super::fields::Form;
use super::input::PdfError;
use super::mdp::Permissions;
use super::pages::Pages;
use edges::{Edges, edges};
use roles::Role;
use std::cell::OnceCell;
use std::collections::HashMap;

/// A sentence in Chinese and in English.
pub type Sentence = (String, String);

/// How many sentences of one sort a signature tells; the rest is counted.
const MOST_SENTENCES: usize = 40;

/// How far later revisions go; each level holds the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Nothing.
    #[default]
    None,
    /// Validation material, document time-stamps, metadata.
    Preservation,
    /// Further signatures.
    Signing,
    /// Values filled into form fields.
    Filling,
    /// Comments put on pages.
    Annotating,
}

impl Level {
    /// How far a certification of level 1, 2 or 3 lets others go (table 257); without one, filling in is ordinary practice.
    fn permitted_by(certification: Option<i64>) -> Self {
        match certification {
            Some(3) => Self::Annotating,
            Some(2) | None => Self::Filling,
            Some(_) => Self::Preservation,
        }
    }
}

/// What was found after a signature.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// How far the changes go.
    pub level: Level,
    /// What is permitted.
    pub permitted: Vec<Sentence>,
    /// What nobody permitted.
    pub suspicious: Vec<Sentence>,
    /// What is not decided.
    pub undecided: Vec<Sentence>,
}

/// How one thing that happened in a step weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// It is permitted where this level is.
    Permitted(Level),
    /// Where this level is permitted it cannot be settled; elsewhere it is not permitted.
    Undecided(Level),
    /// Nobody may do that.
    Suspicious,
}

/// One thing that happened in a step.
#[derive(Debug, Clone)]
struct Item {
    weight: Weight,
    /// The field it is about, which a signature may have locked.
    field: Option<String>,
    sentence: Sentence,
}

/// What happened in a step.
#[derive(Debug, Clone, Default)]
struct Items(Vec<Item>);

impl Items {
    fn add(&mut self, weight: Weight, zh: impl Into<String>, en: impl Into<String>) {
        self.0.push(Item { weight, field: None, sentence: (zh.into(), en.into()) });
    }

    fn permit(&mut self, level: Level, zh: impl Into<String>, en: impl Into<String>) {
        self.add(Weight::Permitted(level), zh, en);
    }

    fn suspect(&mut self, zh: impl Into<String>, en: impl Into<String>) {
        self.add(Weight::Suspicious, zh, en);
    }

    fn doubt(&mut self, zh: impl Into<String>, en: impl Into<String>) {
        self.add(Weight::Undecided(Level::None), zh, en);
    }

    /// Something about the field `name`.
    fn field(&mut self, name: &str, weight: Weight, zh: impl Into<String>, en: impl Into<String>) {
        self.0.push(Item { weight, field: Some(name.to_owned()), sentence: (zh.into(), en.into()) });
    }

    fn any_suspicious(&self) -> bool {
        self.0.iter().any(|item| item.weight == Weight::Suspicious)
    }
}

/// What every step looks at.
struct Surroundings<'c, 'd, 'a> {
    document: &'d Document<'a>,
    /// Newest section of the oldest signed revision.
    oldest: usize,
    /// The form of the newest revision.
    form: &'c Form,
    /// How many of its fields bear each name.
    names: HashMap<&'c str, usize>,
    /// Its pages.
    pages: &'c Pages,
    /// References to changed objects in the newest revision.
    edges: Edges,
    /// Numbers of the objects in the security store at the end of the last step that changed it.
    store: std::cell::RefCell<Option<std::collections::HashSet<u32>>>,
    /// Where text stands on pages that were looked at.
    text: std::cell::RefCell<HashMap<u32, std::rc::Rc<super::content::TextPlaces>>>,
}

/// The end of a signed revision: its newest section, and the first octet after it.
pub type Border = (usize, u64);

/// Everything after the oldest signature, step by step.
pub struct Chain {
    borders: Vec<Border>,
    steps: Vec<Items>,
    told: OnceCell<Vec<Told>>,
}

/// What is to be told of a step and all after it, as far as sentences go.
#[derive(Debug, Clone, Default)]
struct Told {
    level: Level,
    any_field: bool,
    any_suspicious: bool,
    /// Permitted items, the first of them, and how many there are.
    permitted: (Vec<Sentence>, usize),
    /// Undecided ones.
    undecided: (Vec<Sentence>, usize),
}

impl Chain {
    /// Compares the revisions that end at `borders`, each with the next, and the last with the newest one.
    pub fn new<'a>(document: &Document<'a>, borders: &[Border], form: &Form, pages: &Pages) -> Self {
        let mut borders = borders.to_vec();
        borders.sort_unstable();
        borders.dedup();
        let mut chain = Self { steps: Vec::with_capacity(borders.len()), borders, told: OnceCell::new() };
        let Some(&(oldest, _)) = chain.borders.first() else { return chain };
        let changed = document.numbers_between(oldest, usize::MAX).into_iter().collect();
        let found = match edges(document.latest(), &changed) {
            Ok(edges) => edges,
            Err(error) => {
                let failed = || Items(vec![unread(error)]);
                chain.steps = chain.borders.iter().map(|_| failed()).collect();
                return chain;
            }
        };
        let mut names: HashMap<&str, usize> = HashMap::new();
        form.fields.iter().for_each(|field| *names.entry(field.name.as_str()).or_default() += 1);
        let around = Surroundings {
            document,
            oldest,
            form,
            names,
            pages,
            edges: found,
            store: std::cell::RefCell::default(),
            text: std::cell::RefCell::default(),
        };
        let last = (document.sections.len().saturating_sub(1), document.input.len());
        let mut steps = Vec::with_capacity(chain.borders.len());
        let mut roles: Vec<HashMap<u32, Role>> = Vec::new();
        for (at, border) in chain.borders.iter().enumerate() {
            let next = chain.borders.get(at + 1).copied().unwrap_or(last);
            let mut items = Items::default();
            let outcome = step::step(&around, *border, next, &mut items);
            roles.push(outcome.unwrap_or_else(|error| {
                items.0.push(unread(error));
                HashMap::new()
            }));
            steps.push(items);
        }
        chain.steps = steps;
        annotations::weigh_cover(&around, &chain.borders, &mut chain.steps, &roles);
        chain
    }

    /// What a signature that ends at `border` finds after itself.
    pub fn after(&self, border: Border, permissions: &Permissions) -> Findings {
        let Ok(at) = self.borders.binary_search(&border) else { return Findings::default() };
        let told = self.told.get_or_init(|| self.tell());
        let Some(told) = told.get(at) else { return Findings::default() };
        let most = Level::permitted_by(permissions.certification);
        let locked = told.any_field && !permissions.locks.is_empty();
        if !told.any_suspicious && told.level <= most && !locked {
            let [permitted, undecided] = [&told.permitted, &told.undecided].map(counted);
            return Findings { level: told.level, permitted, undecided, suspicious: Vec::new() };
        }
        self.weigh(at, told.level, most, permissions)
    }

    /// The same item by item: something may not be permitted.
    fn weigh(&self, at: usize, level: Level, most: Level, permissions: &Permissions) -> Findings {
        let mut lists: [(Vec<Sentence>, usize); 3] = Default::default();
        for item in self.steps.get(at..).unwrap_or_default().iter().flat_map(|items| &items.0) {
            let (zh, en) = item.sentence.clone();
            let locked = item.field.as_ref().filter(|name| permissions.locks.iter().any(|lock| lock.holds(name)));
            let (list, sentence) = match item.weight {
                Weight::Suspicious => (0, (zh, en)),
                _ if locked.is_some() => (0, (format!("已被签名锁定的域有改动：{zh}"), format!("a field that the signature locks: {en}"))),
                Weight::Permitted(level) | Weight::Undecided(level) if level > most => {
                    (0, (format!("认证签名不允许：{zh}"), format!("the certification does not permit it: {en}")))
                }
                Weight::Permitted(_) => (1, (zh, en)),
                Weight::Undecided(_) => (2, (zh, en)),
            };
            if let Some((sentences, count)) = lists.get_mut(list) {
                *count += 1;
                if sentences.len() < MOST_SENTENCES {
                    sentences.push(sentence);
                }
            }
        }
        let [suspicious, permitted, undecided] = lists.map(|list| counted(&list));
        Findings { level, permitted, suspicious, undecided }
    }

    /// From the last step to the first: each step's sentences, then those of the steps after it.
    fn tell(&self) -> Vec<Told> {
        let mut all: Vec<Told> = Vec::with_capacity(self.steps.len());
        for items in self.steps.iter().rev() {
            let later = all.last().cloned().unwrap_or_default();
            let mut told = Told { permitted: (Vec::new(), later.permitted.1), undecided: (Vec::new(), later.undecided.1), ..later };
            for item in &items.0 {
                told.any_field |= item.field.is_some();
                let list = match item.weight {
                    Weight::Suspicious => {
                        told.any_suspicious = true;
                        continue;
                    }
                    Weight::Permitted(level) => {
                        told.level = told.level.max(level);
                        &mut told.permitted
                    }
                    Weight::Undecided(level) => {
                        told.level = told.level.max(level);
                        &mut told.undecided
                    }
                };
                list.1 += 1;
                if list.0.len() < MOST_SENTENCES {
                    list.0.push(item.sentence.clone());
                }
            }
            if let Some(later) = all.last() {
                for (list, more) in [(&mut told.permitted.0, &later.permitted.0), (&mut told.undecided.0, &later.undecided.0)] {
                    list.extend(more.iter().take(MOST_SENTENCES.saturating_sub(list.len())).cloned());
                }
            }
            all.push(told);
        }
        all.reverse();
        all
    }
}

fn counted((sentences, count): &(Vec<Sentence>, usize)) -> Vec<Sentence> {
    let mut sentences = sentences.clone();
    let more = count.saturating_sub(sentences.len());
    if more > 0 {
        sentences.push((format!("另有 {more} 项"), format!("and {more} more")));
    }
    sentences
}

/// How a revision that cannot be read weighs.
fn unread(error: PdfError) -> Item {
    let sentence = ("签名之后的修订无法按规范读取".to_owned(), format!("a later revision cannot be read as the format demands: {error}"));
    let weight = match error {
        PdfError::Syntax { .. } | PdfError::Structure(_) => Weight::Suspicious,
        PdfError::Io | PdfError::Work | PdfError::Filter => Weight::Undecided(Level::None),
    };
    Item { weight, field: None, sentence }
}

impl<'d, 'a> Surroundings<'_, 'd, 'a> {
    fn revision(&self, newest: usize) -> Revision<'d, 'a> {
        Revision { document: self.document, newest }
    }

    /// The oldest signed revision.
    fn signed(&self) -> Revision<'d, 'a> {
        self.revision(self.oldest)
    }

    /// Where text stands on the page `number`, as it was in `revision`. Pages' contents may not change after signing, so one
    /// answer serves all revisions.
    fn text_on(&self, revision: Revision<'_, '_>, id: super::object::Id) -> Result<std::rc::Rc<super::content::TextPlaces>, PdfError> {
        if let Some(known) = self.text.borrow().get(&id.number) {
            return Ok(std::rc::Rc::clone(known));
        }
        let found = match revision.object(id)? {
            super::object::Object::Dictionary(page) => super::content::text_places(revision, &page)?,
            _ => super::content::TextPlaces::default(),
        };
        let found = std::rc::Rc::new(found);
        self.text.borrow_mut().insert(id.number, std::rc::Rc::clone(&found));
        Ok(found)
    }
}

/// The place that a `/Rect` names.
fn content_place(rectangle: &super::object::Object) -> Option<Place> {
    Place::of(rectangle)
}
