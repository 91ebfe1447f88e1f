"""How two policies differ, in words: rules by their names, and what of each."""

from gateway.routing.document import Policy, Rule


def differences(old: Policy, new: Policy) -> list[str]:
    """One sentence each; nothing if they say the same."""
    was, now = ({rule.name: rule for rule in policy.rules} for policy in (old, new))
    found = [f"Rule {name!r} is gone." for name in was if name not in now]
    for place, (name, rule) in enumerate(now.items(), 1):
        if name not in was:
            found.append(f"Rule {name!r} is new, number {place} of {len(now)}.")
        elif changed := _changed(was[name], rule):
            found.append(f"Rule {name!r} has another {', '.join(changed)}.")
    stayed = [name for name in was if name in now]
    if stayed != [name for name in now if name in was]:
        found.append("The rules are tried in another order.")
    if old.detection != new.detection:
        found.append("Detection is another one.")
    return found


def _changed(old: Rule, new: Rule) -> list[str]:
    return [field for field in Rule.__struct_fields__ if getattr(old, field) != getattr(new, field)]
