"""What schemathesis is told besides the document."""

import schemathesis

# Ends the session that asks, by its smallest body: everything after it would be a guest's.
ENDS_THE_SESSION = ("session.logout",)

# What seed.py makes has the first ids; most of what is made up beyond is turned into one of them.
SEEDED = {"chat_id": 5, "user_id": 5}


@schemathesis.hook
def before_call(context, case, kwargs):
    path = case.path_parameters or {}
    if path.get("name") in ENDS_THE_SESSION:
        path["name"] = "session.list"
    body = case.body if isinstance(case.body, dict) else {}
    for given in (path, body):
        for name, count in SEEDED.items():
            value = given.get(name)
            if type(value) is int and count < value < 2**53 and value % 3:
                given[name] = 1 + value % count
