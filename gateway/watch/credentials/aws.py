"""Keys of AWS, looked for where AWS's own tools look, in their order: the environment, a web identity, the shared files, a
container's endpoint, the machine's metadata. Source: AWS SDKs and Tools Reference Guide, "Credential providers" (2026-11).
"""

import httpx2

from gateway.documents import Secret
from gateway.transport.sigv4 import AwsKeys
from gateway.transport.sources import AwsChain, Environment
from gateway.watch.credentials.aws_files import Profile, profile_of
from gateway.watch.credentials.aws_remote import Role, of_container, of_machine, of_role, of_web_identity
from gateway.watch.credentials.fetched import CannotRefresh, Fetched, header_safe

_LOOK_AGAIN_S = 60.0  # at files, which others may change
_MOST_ROLES = 5  # that stand on each other


async def of_chain(client: httpx2.AsyncClient, source: AwsChain, now: float) -> Fetched:
    """The first that there are. Raises CannotRefresh."""
    env, region = source.env, source.scope.region
    if source.profile is None:
        if (keys := _of_environment(env)) is not None:
            return Fetched(keys)
        arn, file = env.get("AWS_ROLE_ARN"), env.get("AWS_WEB_IDENTITY_TOKEN_FILE")
        if arn is not None and file is not None:
            return await of_web_identity(client, env, region, _role(arn, env.get("AWS_ROLE_SESSION_NAME")), file)
    name = source.profile or env.get("AWS_PROFILE") or "default"
    profile = profile_of(env, name)
    if profile is not None:
        return await _of_profile(client, source, profile, now)
    if source.profile is not None or env.get("AWS_PROFILE") is not None:
        raise CannotRefresh(f"no shared file has the profile {name}")
    return await of_container(client, env) or await of_machine(client, env)


def _of_environment(env: Environment) -> AwsKeys | None:
    return _keys(env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY"), env.get("AWS_SESSION_TOKEN"))


async def _of_profile(
    client: httpx2.AsyncClient, source: AwsChain, profile: Profile, now: float, depth: int = 0
) -> Fetched:
    """A role stands on a web identity, or on another profile's keys."""
    arn = profile.get("role_arn")
    if arn is None:
        keys = _keys(*(profile.get(f"aws_{one}") for one in ("access_key_id", "secret_access_key", "session_token")))
        if keys is None:
            raise CannotRefresh(f"profile {profile.name} has no keys")
        return Fetched(keys, look_again_s=_LOOK_AGAIN_S)
    env, region, role = source.env, source.scope.region, _role(arn, profile.get("role_session_name"))
    if (file := profile.get("web_identity_token_file")) is not None:
        return await of_web_identity(client, env, region, role, file)
    under = profile.get("source_profile")
    if under is None or depth >= _MOST_ROLES:
        raise CannotRefresh(f"profile {profile.name} has a role, and no source_profile that ends")
    if under == profile.name:
        keys = _keys(*(profile.get(f"aws_{one}") for one in ("access_key_id", "secret_access_key", "session_token")))
    else:
        lower = profile_of(env, under)
        if lower is None:
            raise CannotRefresh(f"no shared file has the profile {under}")
        found = (await _of_profile(client, source, lower, now, depth + 1)).material
        keys = found if isinstance(found, AwsKeys) else None
    if keys is None:
        raise CannotRefresh(f"profile {under} has no keys")
    return await of_role(client, env, region, role, keys, now)


def _role(arn: str, session: str | None) -> Role:
    return Role(arn) if session is None else Role(arn, session)


def _keys(key_id: str | None, secret: str | None, token: str | None) -> AwsKeys | None:
    if key_id is None or secret is None:
        return None
    if not all(map(header_safe, (key_id, secret, *(() if token is None else (token,))))):
        raise CannotRefresh("there are keys that no header can carry")
    return AwsKeys(key_id, Secret(secret), None if token is None else Secret(token))
