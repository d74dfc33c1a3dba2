"""Audiences and lists from the command line."""

import json

from mailer.cli.exits import Exit
from tests.cli.conftest import House, Run


def without(list_id: int) -> dict[str, object]:
    """The rule that leaves a list out."""
    return {"kind": "not", "of": {"kind": "list", "id": list_id}}


def test_a_rule_is_kept_shown_and_counted(fpmail: Run, house: House) -> None:
    house.customer("Jo Example")
    rule = without(fpmail("list", "create", "Staff", "--json").json["list"])
    made = fpmail("audience", "create", "Others", "-", "--json", stdin=json.dumps(rule)).json
    assert made["sentence"] == "Customers who are not on the list “Staff”."
    assert fpmail("audience", "show", made["audience"], "--json").json["rule"] == rule
    assert "Others" in fpmail("audience", "list").out
    wanted = ("audience", "count", made["audience"], "--topic", "company_news")
    counted = fpmail(*wanted, "--json").json
    assert (counted["audience"], counted["allowed"]) == ("fewer than 10", "fewer than 10")
    assert fpmail("audience", "count", 2**40, *wanted[3:]).code == Exit.FAILED


def test_whom_a_count_leaves_out_is_told_in_the_words_of_a_campaigns_status(
    fpmail: Run, house: House
) -> None:
    for n in range(10):
        fpmail("remove", house.customer(f"Jo{n} Example").email)
    everybody = json.dumps({"kind": "everybody"})
    made = fpmail("audience", "create", "All", "-", "--json", stdin=everybody).json["audience"]
    said = fpmail("audience", "count", made, "--topic", "company_news").out
    for told in (said, fpmail("campaign", "status", house.draft()).out):
        row = next(line for line in told.splitlines() if "not.all" in line)
        assert row.endswith("stopped all promotional mail")


def test_a_rule_that_makes_no_sense_is_refused_with_its_path(fpmail: Run, house: House) -> None:
    wrong = json.dumps({"kind": "not", "of": {"kind": "country", "any_of": ["ie"]}})
    said = fpmail("audience", "create", "Wrong", "-", stdin=wrong)
    assert said.code == Exit.FAILED
    assert "rule.of.any_of.0" in said.err
    lost = fpmail("audience", "create", "Lost", "-", stdin=json.dumps(without(2**40)))
    assert lost.code == Exit.FAILED
    assert lost.err == "fpmail: rule.of.id: there is no list with this number\n"


def test_a_product_that_no_order_has_is_told_beside_the_count(fpmail: Run, house: House) -> None:
    house.customer("Jo Example")
    rule = json.dumps({"kind": "ordered", "product": "POSPRO"})
    made = fpmail("audience", "create", "New tills", "-", "--json", stdin=rule).json["audience"]
    wanted = ("audience", "count", made, "--topic", "company_news")
    note = "No order on file has the product “POSPRO”."
    assert note in fpmail(*wanted).out
    assert fpmail(*wanted, "--json").json["notes"] == [note]


def test_lines_that_name_nobody_are_told_by_their_number(fpmail: Run, house: House) -> None:
    jo = house.customer("Jo Example")
    fair = fpmail("list", "create", "Fair", "--json").json["list"]
    assert fpmail("list", "create", "Fair").code == Exit.FAILED
    said = fpmail("list", "add", fair, "-", stdin=f"{jo.email}\n\nC-nobody\nno.one@example.com\n")
    assert said.code == Exit.PARTLY
    assert said.out == f"List {fair}: 1 people added.\n"
    assert said.err == "fpmail: nobody is known by lines 3, 4\n"
    assert fpmail("list", "list", "--json").json == [{"list": fair, "name": "Fair", "people": 1}]


def test_a_saved_audience_is_changed_and_deleted(fpmail: Run, house: House) -> None:
    list_id = fpmail("list", "create", "Staff", "--json").json["list"]
    rule = json.dumps(without(list_id))
    made = fpmail("audience", "create", "Others", "-", "--json", stdin=rule).json["audience"]
    fpmail("audience", "create", "Everybody", "-", stdin='{"kind": "everybody"}')
    assert fpmail("audience", "change", made).code == Exit.USAGE
    assert fpmail("audience", "change", made, "--name", "Everybody").code == Exit.FAILED
    renamed = fpmail("audience", "change", made, "--name", "The others", "--json").json
    assert (renamed["name"], renamed["rule"]) == ("The others", without(list_id))
    irish = {"kind": "country", "any_of": ["IE"]}
    changed = fpmail("audience", "change", made, "--rule", "-", "--json", stdin=json.dumps(irish))
    assert (changed.json["name"], changed.json["rule"]) == ("The others", irish)
    assert fpmail("audience", "delete", made).out == f"Audience {made} is deleted.\n"
    assert fpmail("audience", "delete", made).code == Exit.FAILED


def test_people_are_taken_off_a_list_and_a_list_in_use_stays(fpmail: Run, house: House) -> None:
    jo = house.customer("Jo Example")
    fair = fpmail("list", "create", "Fair", "--json").json["list"]
    fpmail("list", "add", fair, "-", stdin=jo.email)
    taken = fpmail("list", "remove", fair, "-", "--json", stdin=jo.email).json
    assert taken == {"list": fair, "removed": 1, "unknown_lines": []}
    rule = json.dumps(without(fair))
    made = fpmail("audience", "create", "Others", "-", "--json", stdin=rule).json["audience"]
    said = fpmail("list", "delete", fair)
    assert (said.code, said.err.count("\n")) == (Exit.FAILED, 1)
    fpmail("audience", "delete", made)
    assert fpmail("list", "delete", fair, "--json").json == {"list": fair, "deleted": True}
    assert fpmail("list", "add", fair, "-", stdin=jo.email).code == Exit.FAILED
