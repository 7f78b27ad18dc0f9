"""The order of versions: the vectors that dpkg, rpm, PEP 440 and Semantic Versioning publish."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.facts.versions import compare, compare_to_bound
from windlass.facts.versions.rpm import compare_segments

# rpm's tests/rpmvercmp.at: (left, right, order)
RPM = """
1.0 1.0 0;1.0 2.0 -1;2.0 1.0 1;2.0.1 2.0.1 0;2.0 2.0.1 -1;2.0.1 2.0 1;2.0.1a 2.0.1a 0;2.0.1a 2.0.1 1;2.0.1 2.0.1a -1;
5.5p1 5.5p1 0;5.5p1 5.5p2 -1;5.5p2 5.5p1 1;5.5p10 5.5p10 0;5.5p1 5.5p10 -1;5.5p10 5.5p1 1;10xyz 10.1xyz -1;10.1xyz 10xyz 1;
xyz10 xyz10 0;xyz10 xyz10.1 -1;xyz10.1 xyz10 1;xyz.4 xyz.4 0;xyz.4 8 -1;8 xyz.4 1;xyz.4 2 -1;2 xyz.4 1;5.5p2 5.6p1 -1;
5.6p1 5.5p2 1;5.6p1 6.5p1 -1;6.5p1 5.6p1 1;6.0.rc1 6.0 1;6.0 6.0.rc1 -1;10b2 10a1 1;10a2 10b2 -1;1.0aa 1.0aa 0;1.0a 1.0aa -1;
1.0aa 1.0a 1;10.0001 10.0001 0;10.0001 10.1 0;10.1 10.0001 0;10.0001 10.0039 -1;10.0039 10.0001 1;4.999.9 5.0 -1;5.0 4.999.9 1;
20101121 20101121 0;20101121 20101122 -1;20101122 20101121 1;2_0 2_0 0;2.0 2_0 0;2_0 2.0 0;a a 0;a+ a+ 0;a+ a_ 0;a_ a+ 0;
+a +a 0;+a _a 0;_a +a 0;+_ +_ 0;_+ +_ 0;_+ _+ 0;+ _ 0;_ + 0;1.0~rc1 1.0~rc1 0;1.0~rc1 1.0 -1;1.0 1.0~rc1 1;1.0~rc1 1.0~rc2 -1;
1.0~rc2 1.0~rc1 1;1.0~rc1~git123 1.0~rc1~git123 0;1.0~rc1~git123 1.0~rc1 -1;1.0~rc1 1.0~rc1~git123 1;1.0^ 1.0^ 0;1.0^ 1.0 1;
1.0 1.0^ -1;1.0^git1 1.0^git1 0;1.0^git1 1.0 1;1.0 1.0^git1 -1;1.0^git1 1.0^git2 -1;1.0^git2 1.0^git1 1;1.0^git1 1.01 -1;
1.01 1.0^git1 1;1.0^20160101 1.0^20160101 0;1.0^20160101 1.0.1 -1;1.0.1 1.0^20160101 1;1.0^20160101^git1 1.0^20160101^git1 0;
1.0^20160102 1.0^20160101^git1 1;1.0^20160101^git1 1.0^20160102 -1;1.0~rc1^git1 1.0~rc1^git1 0;1.0~rc1^git1 1.0~rc1 1;
1.0~rc1 1.0~rc1^git1 -1;1.0^git1~pre 1.0^git1~pre 0;1.0^git1 1.0^git1~pre 1;1.0^git1~pre 1.0^git1 -1
"""

# dpkg's t-version.c, and the examples of deb-version(7)
DEB = """
0-0 0-00 0;0-00 00-0 0;1:2-3 1:2-3 0;0 0:0 0;0:0- 0 0;0:0-0 0 0;0:0.0-0.0 0.0-0.0 0;0-0 1:0-0 -1;1:0-0 0-0 1;a-0 b-0 -1;b-0 a-0 1;
0-a 0-b -1;0-b 0-a 1;1-1 2-1 -1;1-1 1-2 -1;1~~ 1~~a -1;1~~a 1~ -1;1~ 1 -1;1 1a -1;1.0~beta1~svn1245 1.0~beta1 -1;1.0~beta1 1.0 -1;
2.5.6 2.5.6+dfsg -1;1.9 1.10 -1;1:0.1 9 1;0:0-0-0 0-0-0 0;3.0.2-0ubuntu1.9 3.0.2-0ubuntu1.15 -1
"""

SEMVER = "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 2.0.0 2.1.0 2.1.1"
PEP440 = "1.dev0 1.0.dev456 1.0a1 1.0a2.dev456 1.0a12.dev456 1.0a12 1.0b1.dev456 1.0b2 1.0b2.post345.dev456 1.0b2.post345 1.0rc1.dev456 1.0rc1 1.0 1.0+abc.5 1.0+abc.7 1.0+5 1.0.post456.dev34 1.0.post456 1.0.15 1.1.dev1 1!0.1"
GENERIC = "1.0alpha 1.0beta2 1.0rc1 1.0 1.0p1 1.0.1 1.0.2k 1.0.3 1.0.10 1.2_1"


def cases(text):
    return [tuple(case.split()) for case in text.replace("\n", "").split(";")]


@pytest.mark.parametrize(("left", "right", "order"), cases(RPM))
def test_rpm(left, right, order):
    assert compare_segments(left, right) == int(order)


@pytest.mark.parametrize(("left", "right", "order"), cases(DEB))
def test_deb(left, right, order):
    result = compare("deb", left, right)
    assert (result > 0) - (result < 0) == int(order)


@pytest.mark.parametrize(("kind", "ascending"), [("npm", SEMVER), ("python", PEP440), ("homebrew", GENERIC)])
def test_published_orders(kind, ascending):
    for lower, higher in pairwise(ascending.split()):
        assert compare(kind, lower, higher) < 0, (lower, higher)
        assert compare(kind, higher, lower) > 0, (lower, higher)


@pytest.mark.parametrize(
    ("kind", "version", "bound", "is_below"),
    [
        ("rpm", "1:3.0.8-1.amzn2023.0.20", "3.0.14", True),  # the epoch is not part of what people ask
        ("rpm", "1:3.0.14-1.amzn2023", "3.0.14", False),
        ("rpm", "1:3.0.14-1.amzn2023", "3.0.14-2", True),
        ("rpm", "1:3.0.14-3.amzn2023", "1:3.0.14-2", False),
        ("rpm", "1:3.0.14-3.amzn2023", "2:1.0", True),
        ("deb", "3.0.2-0ubuntu1.15", "3.0.14", True),
        ("deb", "1:9.2p1-2+deb12u2", "9.2p1", False),
        ("deb", "1:9.2p1-2+deb12u2", "9.2p1-2+deb12u3", True),
        ("python", "2.31.0", "2.32", True),
        ("npm", "4.17.20", "4.17.21", True),
        ("homebrew", "3.0.13_1", "3.0.14", True),
    ],
)
def test_bounds_as_people_write_them(kind, version, bound, is_below):
    assert (compare_to_bound(kind, version, bound) < 0) is is_below


@given(st.sampled_from(["deb", "rpm", "python", "npm", "apk"]), st.text(max_size=12), st.text(max_size=12))
def test_any_text_has_an_order(kind, left, right):
    assert compare(kind, left, left) == 0
    forward, backward = compare(kind, left, right), compare(kind, right, left)
    assert (forward > 0) - (forward < 0) == (backward < 0) - (backward > 0)
