"""Endpoints about people, organisations and who belongs to them."""

import shapes
from answer import Answer, Problem, not_found
from api import route


def organization_of(call):
    found = call.world.owner(call.path["org"])
    if found is None or found["kind"] != "Organization":
        raise not_found()
    return found


@route("GET", "/user", "users/users#get-the-authenticated-user", user=True)
def user(call):
    owner = call.world.owner(call.actor.login)
    whole = call.actor.kind == "classic" and call.actor.scope("user", "read:user")
    return Answer(body=(shapes.private_user if whole else shapes.public_user)(call.world, owner))


@route("GET", "/users/{user}", "users/users#get-a-user")
def one_user(call):
    owner = call.world.owner(call.path["user"])
    if owner is None:
        raise not_found()
    return Answer(body=shapes.public_user(call.world, owner))


@route("GET", "/orgs/{org}", "orgs/orgs#get-an-organization")
def one_organization(call):
    org = organization_of(call)
    return Answer(body=shapes.organization(call.world, org, call.world.role(org, call.actor.login) is not None))


@route("GET", "/user/orgs", "orgs/orgs#list-organizations-for-the-authenticated-user", user=True)
def my_organizations(call):
    mine = [org for org in call.world.state["owners"].values() if call.world.role(org, call.actor.login)]
    return Answer(body=[shapes.simple_organization(call.world, org) for org in call.page(mine)])


@route("GET", "/user/memberships/orgs/{org}", "orgs/members#get-an-organization-membership-for-the-authenticated-user",
       user=True)
def my_membership(call):
    org = organization_of(call)
    if not call.world.role(org, call.actor.login):
        raise not_found()
    return Answer(body=shapes.membership(call.world, org, call.world.owner(call.actor.login)["login"]))


@route("GET", "/orgs/{org}/memberships/{user}", "orgs/members#get-organization-membership-for-a-user")
def membership(call):
    org = organization_of(call)
    if not call.world.role(org, call.actor.login):
        raise Problem(403, f"You must be a member of {org['login']} to see membership information for {call.path['user']}.")
    if not call.world.role(org, call.path["user"]):
        raise not_found()
    return Answer(body=shapes.membership(call.world, org, call.world.owner(call.path["user"])["login"]))
