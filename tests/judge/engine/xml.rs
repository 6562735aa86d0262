//! Just enough XML to read diagnostic data: elements, attributes, text.

/// An element.
#[derive(Debug, Default)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    pub text: String,
}

impl Element {
    pub fn parse(text: &str) -> Element {
        let mut open = vec![Element::default()];
        let mut rest = text;
        while let Some(start) = rest.find('<') {
            open.last_mut().unwrap().text.push_str(rest[..start].trim());
            let end = rest[start..].find('>').unwrap() + start;
            let tag = &rest[start + 1..end];
            rest = &rest[end + 1..];
            if tag.starts_with('?') || tag.starts_with('!') {
                continue;
            }
            if tag.starts_with('/') {
                let done = open.pop().unwrap();
                open.last_mut().unwrap().children.push(done);
                continue;
            }
            let empty = tag.ends_with('/');
            let tag = tag.trim_end_matches('/');
            let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
            let mut element = Element { name: name.into(), ..Element::default() };
            let mut parts = attributes.split('"');
            while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
                element.attributes.push((key.trim().trim_end_matches('=').into(), value.into()));
            }
            if empty { open.last_mut().unwrap().children.push(element) } else { open.push(element) }
        }
        open.pop().unwrap().children.pop().unwrap()
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The element at a path such as `BasicSignature/SignatureValid`.
    pub fn at(&self, path: &str) -> Option<&Element> {
        path.split('/').try_fold(self, |element, name| element.children.iter().find(|child| child.name == name))
    }

    pub fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path).map(|found| found.text.as_str()).filter(|text| !text.is_empty())
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The elements inside the element of this name; nothing if it is missing.
    pub fn inside<'a>(&'a self, list: &str, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.at(list).into_iter().flat_map(move |list| list.all(name))
    }
}
