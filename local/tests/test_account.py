"""Account Management of the embedded AWS: ListRegions by status, page by page."""


def test_regions_are_listed_by_status_page_by_page(aws):
    client = aws("account", region="us-east-1")
    pages = client.get_paginator("list_regions").paginate(
        RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"], PaginationConfig={"PageSize": 5}
    )
    sizes, names = [], []
    for page in pages:
        sizes.append(len(page["Regions"]))
        names += [region["RegionName"] for region in page["Regions"]]
    assert sizes[:-1] == [5] * (len(sizes) - 1)
    assert len(names) == len(set(names)) == 17
    assert {"eu-west-1", "us-east-1"} <= set(names)
    assert "ap-east-1" not in names
    disabled = client.list_regions(RegionOptStatusContains=["DISABLED"])["Regions"]
    assert "ap-east-1" in {entry["RegionName"] for entry in disabled}


def test_what_datasync_makes_is_the_callers(aws):
    client = aws("datasync", account="222222222222")
    ends = [
        client.create_location_s3(
            S3BucketArn="arn:aws:s3:::b",
            S3Config={"BucketAccessRoleArn": "arn:aws:iam::222222222222:role/r"},
            Subdirectory=f"/{n}",
        )["LocationArn"]
        for n in range(2)
    ]
    task = client.create_task(SourceLocationArn=ends[0], DestinationLocationArn=ends[1])["TaskArn"]
    assert {arn.split(":")[4] for arn in (*ends, task)} == {"222222222222"}
    assert client.describe_task(TaskArn=task)["SourceLocationArn"] == ends[0]
