"""What schemathesis is told besides the document."""

import schemathesis

# Ends the session that asks, by its smallest body: everything after it would be a guest's.
ENDS_THE_SESSION = ("session.logout",)


@schemathesis.hook
def before_call(context, case, kwargs):
    if (case.path_parameters or {}).get("name") in ENDS_THE_SESSION:
        case.path_parameters["name"] = "session.list"
