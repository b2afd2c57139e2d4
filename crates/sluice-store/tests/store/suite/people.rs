//! People of an issuer, and their names.

use sluice_store::{ActorKind, EventSeq, KnownPerson, NewEvent, NewPerson, NewToken, Role, Store};

use crate::world::{at, event};

fn coming(issuer: &str, subject: &str, names: &[&str]) -> NewPerson {
    NewPerson {
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        at: at(1),
    }
}

fn told(name: &str) -> Vec<NewEvent> {
    vec![event("p", &format!("known {name}"))]
}

pub(crate) async fn a_person_keeps_one_name_and_takes_nobody_elses(store: Store) {
    let token = NewToken {
        name: "Olga".to_owned(),
        role: Role::Operator,
        kind: ActorKind::Person,
        projects: None,
        expires_at: None,
        at: at(0),
    };
    store.token_create(token, &[]).await.unwrap();
    let put = async |new: NewPerson| store.person_put(new, told).await.unwrap();
    let known = |name: &str, is_new| {
        Some(KnownPerson {
            name: name.to_owned(),
            is_new,
        })
    };
    let ada = put(coming("https://a", "1", &["Ada", "Ada (1)"])).await;
    assert_eq!(ada, known("Ada", true));
    // The issuer calls her something else now.
    let again = put(coming("https://a", "1", &["Bob"])).await;
    assert_eq!(again, known("Ada", false));
    // The same subject of another issuer is somebody else, and so is another subject.
    let other = put(coming("https://b", "1", &[" ADA ", "Ada (2)"])).await;
    assert_eq!(other, known("Ada (2)", true));
    let third = put(coming("https://a", "2", &["Ada", "Ada (2)"])).await;
    assert_eq!(third, None);
    let olga = put(coming("https://a", "3", &["olga", "Olga (3)"])).await;
    assert_eq!(olga, known("Olga (3)", true));
    let mut names = store.person_names().await.unwrap();
    names.sort();
    assert_eq!(names, ["Ada", "Ada (2)", "Olga (3)"]);
    // Each was told of once.
    let events = store.event_list(EventSeq(0), None, 10).await.unwrap();
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["known Ada", "known Ada (2)", "known Olga (3)"]);
}

pub(crate) async fn of_fifty_first_visits_one_is_the_first(store: Store) {
    let visits = (0..50).map(|_| {
        let store = store.clone();
        async move {
            store
                .person_put(coming("https://a", "1", &["Ada", "Ada (1)"]), told)
                .await
        }
    });
    let visits = futures::future::join_all(visits).await;
    let known: Vec<KnownPerson> = visits
        .into_iter()
        .map(|visit| visit.unwrap().unwrap())
        .collect();
    assert!(known.iter().all(|person| person.name == "Ada"), "{known:?}");
    assert_eq!(known.iter().filter(|person| person.is_new).count(), 1);
}
