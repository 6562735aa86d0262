//! Certificate policies by the graph of RFC 9618, which replaces the tree of RFC 5280 §6.1: at most one node for a policy at
//! each depth, so that the work stays polynomial whatever the certificates say.

use super::input::PolicyInput;
use crate::{
    crypto::Oid,
    pki::{Certificate, extensions::oid::ANY_POLICY},
};
use std::collections::{BTreeMap, BTreeSet};

/// Most policies or mappings one certificate may have; hostile ones then cost at most the square of it.
const MAX_POLICIES: usize = 512;

/// A node: the policies expected below it, and its parents at the depth above.
#[derive(Debug, Clone, Default)]
struct Node {
    expected: BTreeSet<Oid>,
    parents: BTreeSet<Oid>,
}

/// The state variables (c), (d), (f) and (g) of RFC 5280 §6.1.2, over the graph.
#[derive(Debug)]
pub(super) struct Policies {
    /// One map for each depth; `None` is the null graph.
    graph: Option<Vec<BTreeMap<Oid, Node>>>,
    explicit: u64,
    inhibit_any: u64,
    mapping: u64,
}

/// Why policy processing fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PolicyFault {
    /// §6.1.3 (f), §6.1.5 (g).
    NoneAcceptable,
    /// §6.1.4 (a).
    MapsAnyPolicy,
    /// More than this program processes.
    TooMany,
}

impl PolicyFault {
    pub(super) const fn detail(self) -> &'static str {
        match self {
            Self::NoneAcceptable => "an explicit policy is required and none is valid (RFC 5280 6.1.3 (f))",
            Self::MapsAnyPolicy => "any-policy is mapped (RFC 5280 6.1.4 (a))",
            Self::TooMany => "more policies or mappings than are processed",
        }
    }
}

impl Policies {
    /// §6.1.2 for a path of `n` certificates.
    pub(super) fn new(input: &PolicyInput, n: usize) -> Self {
        let start = (n as u64).saturating_add(1);
        let root = Node { expected: BTreeSet::from([ANY_POLICY]), parents: BTreeSet::new() };
        let unless = |set: bool| if set { 0 } else { start };
        Self {
            graph: Some(vec![BTreeMap::from([(ANY_POLICY, root)])]),
            explicit: unless(input.explicit),
            inhibit_any: unless(input.inhibit_any),
            mapping: unless(input.inhibit_mapping),
        }
    }

    /// §6.1.3 (d)–(f).
    pub(super) fn process(&mut self, certificate: &Certificate, last: bool) -> Result<(), PolicyFault> {
        let policies = certificate.policies();
        let mappings = certificate.extensions().policy_mappings.as_deref().unwrap_or_default();
        if policies.len() > MAX_POLICIES || mappings.len() > MAX_POLICIES {
            return Err(PolicyFault::TooMany);
        }
        if certificate.extensions().policies.is_none() {
            self.graph = None;
        } else if let Some(graph) = &mut self.graph {
            let any_allowed = self.inhibit_any > 0 || (!last && certificate.is_self_issued());
            grow(graph, policies, any_allowed);
            self.prune();
        }
        if self.explicit == 0 && self.graph.is_none() { Err(PolicyFault::NoneAcceptable) } else { Ok(()) }
    }

    /// §6.1.4 (a), (b), (h)–(j).
    pub(super) fn prepare_next(&mut self, certificate: &Certificate) -> Result<(), PolicyFault> {
        let extensions = certificate.extensions();
        if let Some(mappings) = &extensions.policy_mappings {
            if mappings.iter().any(|(issuer, subject)| *issuer == ANY_POLICY || *subject == ANY_POLICY) {
                return Err(PolicyFault::MapsAnyPolicy);
            }
            self.map(mappings);
        }
        if !certificate.is_self_issued() {
            for counter in [&mut self.explicit, &mut self.mapping, &mut self.inhibit_any] {
                *counter = counter.saturating_sub(1);
            }
        }
        if let Some(constraints) = extensions.policy_constraints {
            self.explicit = constraints.require_explicit.map_or(self.explicit, |skip| skip.min(self.explicit));
            self.mapping = constraints.inhibit_mapping.map_or(self.mapping, |skip| skip.min(self.mapping));
        }
        if let Some(skip) = extensions.inhibit_any_policy {
            self.inhibit_any = skip.min(self.inhibit_any);
        }
        Ok(())
    }

    /// §6.1.5 (a), (b), (g): the user-constrained policy set.
    pub(super) fn wrap_up(mut self, last: &Certificate, input: &PolicyInput) -> Result<Vec<Oid>, PolicyFault> {
        // §6.1.5 (a): "if explicit_policy is not 0, decrement".
        self.explicit = self.explicit.saturating_sub(1);
        if last.extensions().policy_constraints.is_some_and(|constraints| constraints.require_explicit == Some(0)) {
            self.explicit = 0;
        }
        let valid = self.valid_set(input);
        if self.explicit == 0 && valid.is_empty() { Err(PolicyFault::NoneAcceptable) } else { Ok(valid.into_iter().collect()) }
    }

    /// The authority-constrained set, intersected with what the caller accepts (RFC 9618 §5.5 (g)).
    fn valid_set(&self, input: &PolicyInput) -> BTreeSet<Oid> {
        let Some(graph) = &self.graph else { return BTreeSet::new() };
        // What is left after pruning leads down to the last depth. The policies as the user names them are those directly
        // below any-policy: what authorities mapped them to further down does not matter.
        let mut authority: BTreeSet<Oid> = graph
            .iter()
            .flatten()
            .filter(|(policy, node)| **policy != ANY_POLICY && node.parents.contains(&ANY_POLICY))
            .map(|(policy, _)| *policy)
            .collect();
        let any = graph.last().is_some_and(|depth| depth.contains_key(&ANY_POLICY));
        if input.acceptable.is_empty() || input.acceptable.contains(&ANY_POLICY) {
            if any {
                authority.insert(ANY_POLICY);
            }
            return authority;
        }
        let acceptable = input.acceptable.iter().copied();
        if any { acceptable.collect() } else { acceptable.filter(|policy| authority.contains(policy)).collect() }
    }

    /// §6.1.4 (b).
    fn map(&mut self, mappings: &[(Oid, Oid)]) {
        let Some(depth) = self.graph.as_mut().and_then(|graph| graph.last_mut()) else { return };
        let mut by_issuer: BTreeMap<Oid, BTreeSet<Oid>> = BTreeMap::new();
        for (issuer, subject) in mappings {
            by_issuer.entry(*issuer).or_default().insert(*subject);
        }
        if self.mapping > 0 {
            let any = depth.get(&ANY_POLICY).map(|node| node.parents.clone());
            for (issuer, subjects) in by_issuer {
                match (depth.get_mut(&issuer), &any) {
                    (Some(node), _) => node.expected = subjects,
                    // The new node stands beside any-policy, below the any-policy of the depth above.
                    (None, Some(parents)) => {
                        depth.insert(issuer, Node { expected: subjects, parents: parents.clone() });
                    }
                    (None, None) => {}
                }
            }
        } else {
            for issuer in by_issuer.keys() {
                depth.remove(issuer);
            }
            self.prune();
        }
    }

    /// §6.1.3 (d)(3): nodes without children go, depth by depth upwards; an empty last depth is the null graph.
    fn prune(&mut self) {
        let Some(graph) = &mut self.graph else { return };
        let mut needed: Option<BTreeSet<Oid>> = None;
        for depth in graph.iter_mut().rev() {
            if let Some(needed) = &needed {
                depth.retain(|policy, _| needed.contains(policy));
            }
            needed = Some(depth.values().flat_map(|node| node.parents.iter().copied()).collect());
        }
        if graph.last().is_none_or(BTreeMap::is_empty) {
            self.graph = None;
        }
    }
}

/// §6.1.3 (d)(1) and (2): the next depth.
fn grow(graph: &mut Vec<BTreeMap<Oid, Node>>, policies: &[Oid], any_allowed: bool) {
    let Some(above) = graph.last() else { return };
    // Which nodes above expect a policy.
    let mut expecting: BTreeMap<Oid, BTreeSet<Oid>> = BTreeMap::new();
    for (policy, node) in above {
        for expected in &node.expected {
            expecting.entry(*expected).or_default().insert(*policy);
        }
    }
    let mut depth: BTreeMap<Oid, Node> = BTreeMap::new();
    for policy in policies.iter().filter(|policy| **policy != ANY_POLICY) {
        let parents = match expecting.get(policy) {
            Some(parents) => parents.clone(),
            None if above.contains_key(&ANY_POLICY) => BTreeSet::from([ANY_POLICY]),
            None => continue,
        };
        depth.insert(*policy, Node { expected: BTreeSet::from([*policy]), parents });
    }
    if any_allowed && policies.contains(&ANY_POLICY) {
        for (policy, parents) in expecting {
            depth.entry(policy).or_insert_with(|| Node { expected: BTreeSet::from([policy]), parents });
        }
    }
    graph.push(depth);
}
