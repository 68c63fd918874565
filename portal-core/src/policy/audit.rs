//! How much of the audit log somebody reads (SPEC 4.6, 7.8).

use super::{Act, ActingAs, Denial, Permit, PlatformAction, on_platform};
use crate::model::Role;

/// What of the audit log an actor may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditScope {
    /// All of it.
    Everything,
    /// Acts in OFFICIAL and PUBLIC chats where R holds (SPEC 4.1): of owners with a role below this one.
    /// What was done in a chat that is gone is in none.
    OpenChats {
        /// The reader's own role: whom they may act on is below it.
        owners_below: Role,
        /// Not what was done there in this area: reports are admins' (SPEC 4.6).
        without: &'static str,
    },
}

/// Leave to read the audit log, as far as the subject says.
#[derive(Debug)]
pub enum ReadAudit {}

impl Act for ReadAudit {
    type Subject = AuditScope;
}

/// Leave to read the audit log: all of it for whom SPEC 4.6 gives it to, a part for moderators.
pub fn read_audit(actor: &ActingAs) -> Result<Permit<ReadAudit>, Denial> {
    match (on_platform(PlatformAction::Audit, actor), actor) {
        (Ok(_), _) => Ok(Permit::new(AuditScope::Everything)),
        (Err(Denial::Forbidden), ActingAs::Person(person)) if person.role >= Role::Moderator => {
            Ok(Permit::new(AuditScope::OpenChats {
                owners_below: person.role,
                without: "report.",
            }))
        }
        (Err(denial), _) => Err(denial),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UserId;
    use crate::policy::{Person, can_act_on};

    fn person(role: Role, stranger: bool) -> Person {
        Person {
            id: UserId::try_from(7).unwrap(),
            role,
            premium_now: true,
            stranger,
        }
    }

    fn scope(role: Role) -> Result<AuditScope, Denial> {
        let leave = read_audit(&ActingAs::Person(person(role, false)));
        leave.map(|leave| leave.subject())
    }

    #[test]
    fn admins_and_the_operator_read_everything_spec_7_8() {
        for role in [Role::Admin, Role::Owner] {
            assert_eq!(scope(role), Ok(AuditScope::Everything));
        }
        for actor in [ActingAs::Operator, ActingAs::System] {
            let leave = read_audit(&actor).unwrap();
            assert_eq!(leave.subject(), AuditScope::Everything);
        }
    }

    #[test]
    fn moderators_read_of_owners_whom_they_may_act_on_spec_7_8() {
        let Ok(AuditScope::OpenChats {
            owners_below,
            without,
        }) = scope(Role::Moderator)
        else {
            panic!("a part of it");
        };
        assert_eq!(without, "report.");
        let [reader, owner] = [7, 8].map(|id| UserId::try_from(id).unwrap());
        for role in Role::ALL {
            let may_act = can_act_on(reader, Role::Moderator, owner, role);
            assert_eq!(role < owners_below, may_act, "{role:?}");
        }
    }

    #[test]
    fn others_read_nothing_spec_7_8() {
        assert_eq!(scope(Role::User), Err(Denial::Forbidden));
        let guest = read_audit(&ActingAs::Guest).unwrap_err();
        assert_eq!(guest, Denial::Unauthenticated);
        let stranger = ActingAs::Person(person(Role::User, true));
        let refused = read_audit(&stranger).unwrap_err();
        assert_eq!(refused, Denial::StrangerForbidden);
    }
}
