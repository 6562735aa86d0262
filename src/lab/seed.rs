//! The people and organisations of a new lab. Region 350899 is assigned to nobody; phones begin with 140, which no person has.

use super::registry::{Organisation, OrganisationState, Person, PersonState, Registry, Since};
use crate::moment::Moment;

/// Midnight of a day in Beijing, given as days since 1970-01-01.
const fn day(days: i64) -> Moment {
    Moment::from_secs(days * 86_400 - 8 * 3600)
}

/// 2026-03-10: Chen Guoqiang died.
const DIED: Moment = day(20_522);
/// 2025-06-01: Lin Xiuying's number was corrected.
const CHANGED: Moment = day(20_240);
/// 2026-02-01: a company was deregistered.
const DEREGISTERED: Moment = day(20_485);
/// 2026-04-01: a company's licence was revoked.
const LICENCE_REVOKED: Moment = day(20_544);
/// 1900-01-01, before anybody's first entry matters.
const ALWAYS: Moment = day(-25_567);

fn person(id: &str, name: &str, number: &str, phone: &str, then: Option<(PersonState, Moment)>) -> Person {
    let mut history = vec![Since { state: PersonState::Alive, since: ALWAYS }];
    history.extend(then.map(|(state, since)| Since { state, since }));
    Person { id: id.into(), name: name.into(), number: number.into(), phone: (!phone.is_empty()).then(|| phone.into()), history }
}

fn organisation(id: &str, name: &str, uscc: &str, legal: &str, then: Option<(OrganisationState, Moment)>) -> Organisation {
    let mut history = vec![Since { state: OrganisationState::Active, since: ALWAYS }];
    history.extend(then.map(|(state, since)| Since { state, since }));
    Organisation { id: id.into(), name: name.into(), uscc: uscc.into(), legal_representative: legal.into(), history }
}

/// The registers as they are when a lab is made.
pub fn registry() -> Registry {
    let mut changed = person("lin-xiuying", "林秀英", "350899196601180805", "14000000007", None);
    changed.history = vec![Since { state: PersonState::Alive, since: CHANGED }];
    Registry {
        persons: vec![
            person("zhang-wei", "张伟", "350899198503120111", "14000000001", None),
            person("li-na", "李娜", "350899199011240226", "14000000002", None),
            person("wang-hong", "王𬭎", "350899197806050339", "14000000003", None),
            person("ji-yongmei", "𠮷永梅", "350899199308170441", "14000000004", None),
            person("ayiguli", "阿依古丽·买买提", "350899198802290663", "14000000005", None),
            person("chen-guoqiang", "陈国强", "350899194105070579", "14000000006", Some((PersonState::Deceased, DIED))),
            changed,
            person("lin-xiuying-old", "林秀英", "350899196601180688", "14000000007", Some((PersonState::NumberChanged, CHANGED))),
            person("huang-xiaobao", "黄小宝", "350899201406010716", "", None),
            person("liu-yang", "刘洋", "350899197509200951", "14000000009", None),
            person("zhao-min", "赵敏", "350899198202141066", "14000000010", None),
            person("zhou-jianguo", "周建国", "350899197001011172", "", None),
        ],
        organisations: vec![
            organisation("xinyin-sample", "信印样例科技有限公司", "91350899MAXY00016T", "liu-yang", None),
            organisation("ayiguli-food", "阿依古丽样例食品有限公司", "91350899MAXY00024M", "ayiguli", None),
            organisation(
                "closed-trading",
                "已销样例商贸有限公司",
                "91350899MAXY00032G",
                "zhao-min",
                Some((OrganisationState::Deregistered, DEREGISTERED)),
            ),
            organisation(
                "revoked-building",
                "停业样例建设工程有限公司",
                "91350899MAXY00040B",
                "zhou-jianguo",
                Some((OrganisationState::LicenceRevoked, LICENCE_REVOKED)),
            ),
            organisation("sample-agency", "样例区行政审批局", "11350899003599012Q", "zhou-jianguo", None),
            organisation("sample-coop", "样例茶叶专业合作社", "93350899MEXY00061J", "wang-hong", None),
        ],
        seals: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_the_days_they_say() {
        for (at, text) in [
            (DIED, "2026-03-10T00:00:00+08:00"),
            (CHANGED, "2025-06-01T00:00:00+08:00"),
            (DEREGISTERED, "2026-02-01T00:00:00+08:00"),
            (LICENCE_REVOKED, "2026-04-01T00:00:00+08:00"),
            (ALWAYS, "1900-01-01T00:00:00+08:00"),
        ] {
            assert_eq!(at.beijing(), text);
        }
    }

    #[test]
    fn every_number_is_valid_and_of_the_unassigned_region() {
        let registry = registry();
        for person in &registry.persons {
            let number = crate::id::CitizenNumber::parse(&person.number).unwrap();
            assert_eq!((number.region(), number.expose()), ("350899", person.number.as_str()), "{}", person.id);
        }
        for entry in &registry.organisations {
            let code = crate::id::UnifiedSocialCreditCode::parse(&entry.uscc).unwrap();
            assert_eq!((code.region(), code.check()), ("350899", crate::id::CodeCheck::Matches), "{}", entry.id);
            assert!(registry.person_by_id(&entry.legal_representative).is_some());
        }
    }
}
