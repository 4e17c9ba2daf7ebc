from workbench.host.labels import Labels


def test_every_host_has_the_built_in_labels():
    labels = Labels().as_dict()
    assert set(labels) == {"hostcore.arch", "hostcore.os", "hostcore.osfamily"}


def test_labels_given_at_start_override_even_built_in_ones():
    assert Labels({"hostcore.os": "plan9"}).as_dict()["hostcore.os"] == "plan9"


def test_no_constraints_match_every_host():
    assert Labels().match({})


def test_constraints_must_match_exactly():
    labels = Labels({"zone": "a"})
    assert labels.match({"zone": "a"})
    assert not labels.match({"zone": "A"})
    assert not labels.match({"zone": "a", "tier": "gold"})


def test_built_in_labels_are_protected_in_any_case():
    assert Labels.is_protected("HostCore.arch")
    assert not Labels.is_protected("zone")


def test_deleting_tells_whether_the_label_was_there():
    labels = Labels({"zone": "a"})
    assert labels.delete("zone")
    assert not labels.delete("zone")
