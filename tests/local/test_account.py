"""Account Management of the embedded AWS: ListRegions by status, page by page."""


def test_regions_are_listed_by_status_page_by_page(aws):
    client = aws("account", region="us-east-1")
    pages = client.get_paginator("list_regions").paginate(
        RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"], PaginationConfig={"PageSize": 5}
    )
    sizes, names = [], []
    for page in pages:
        sizes.append(len(page["Regions"]))
        names += [one["RegionName"] for one in page["Regions"]]
    assert sizes[:-1] == [5] * (len(sizes) - 1)
    assert len(names) == len(set(names)) == 17
    assert {"eu-west-1", "us-east-1"} <= set(names)
    assert "ap-east-1" not in names
    disabled = client.list_regions(RegionOptStatusContains=["DISABLED"])["Regions"]
    assert "ap-east-1" in {one["RegionName"] for one in disabled}
