"""Faults on demand: what goes wrong, for which requests, how often."""

import fnmatch

SECONDARY = ("You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to "
             "GitHub Support for help, please include the request ID 5AB1:5CE5.")
LIMITS = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
DEFAULTS = {"method": "*", "path": "*", "times": 1, "skip": 0, "when": "before", "status": None, "headers": {}, "body": None,
            "delay_ms": 0, "close": None}


def made(given):
    """A fault as it is kept; a `preset` fills in what GitHub would say."""
    given = dict(given)
    preset = given.pop("preset", None)
    if preset == "secondary_limit":
        wait = given.pop("retry_after", 60)
        given = {"status": 403, "headers": {"Retry-After": str(wait)}, "body": {"message": SECONDARY, "documentation_url": LIMITS},
                 **given}
    elif preset == "bad_gateway":
        given = {"status": 502, "headers": {"Content-Type": "text/html"},
                 "body": "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>", **given}
    elif preset == "unavailable":
        given = {"status": 503, "body": {"message": "No server is currently available to service your request. Sorry about that. "
                                                    "Please try resubmitting your request and contact us if the problem "
                                                    "persists."}, **given}
    elif preset is not None:
        raise ValueError(f"no preset {preset}: there are secondary_limit, bad_gateway, unavailable")
    unknown = set(given) - set(DEFAULTS)
    if unknown:
        raise ValueError(f"a fault has no {', '.join(sorted(unknown))}: it has {', '.join(DEFAULTS)}, preset, retry_after")
    fault = {**DEFAULTS, **given}
    if fault["when"] not in ("before", "after"):
        raise ValueError("when is before or after")
    if fault["close"] not in (None, "now", "half"):
        raise ValueError("close is now or half")
    if fault["status"] is None and fault["close"] is None and not fault["delay_ms"]:
        raise ValueError("a fault needs a status, a close, a delay_ms or a preset")
    return fault


class Faults:
    """Those that are still to come, in the order in which they were asked for."""

    def __init__(self):
        self.waiting = []

    def take(self, method, path):
        """The first fault that is for this request, counted down."""
        for fault in self.waiting:
            if fault["method"] in ("*", method) and fnmatch.fnmatchcase(path, fault["path"]):
                if fault["skip"] > 0:
                    fault["skip"] -= 1
                    return None
                fault["times"] -= 1
                if fault["times"] <= 0:
                    self.waiting.remove(fault)
                return dict(fault)
        return None
