from windlass.inventory.lanes import Lanes

HERE, THERE = ("1", "here"), ("1", "there")


def names(lanes, count):
    taken = [lanes.take() for _ in range(count)]
    return [one and one[1] for one in taken]


def filled(lanes, **lanes_of_tasks):
    for lane, tasks in lanes_of_tasks.items():
        for task in tasks:
            lanes.put(lane, HERE, task, detail=task.startswith("detail"))
    return lanes


def grown(place=HERE, limit=64):
    lanes = Lanes(limit=limit)
    for _ in range(10):
        lanes.answered(place, "s")
    return lanes


def test_a_hot_type_does_not_stall_the_others():
    lanes = filled(grown(), hot=[f"hot{n}" for n in range(1000)], cold=["cold1", "cold2"])
    assert "cold2" in names(lanes, 4)


def test_details_go_before_further_pages_so_that_finds_do_not_pile_up():
    assert names(filled(grown(), a=["page1", "detail1", "page2"]), 3) == ["detail1", "page1", "page2"]


def test_nothing_is_lost_and_nothing_is_given_twice():
    lanes = filled(grown(), a=["a1", "a2"], b=["b1"], c=["c1", "c2", "c3"])
    assert sorted(names(lanes, 6)) == ["a1", "a2", "b1", "c1", "c2", "c3"]
    assert lanes.take() is None
    lanes.put("a", HERE, "again", detail=False)
    assert names(lanes, 1) == ["again"]


def test_an_unknown_region_holds_two_workers_at_most_and_the_rest_work_elsewhere():
    lanes = Lanes(limit=32)
    for number in range(10):
        lanes.put(("silent", number), HERE, f"silent{number}", detail=False)
        lanes.put(("other", number), THERE, f"other{number}", detail=False)
    for _ in range(5):
        lanes.answered(THERE, "s")
    taken = [one for one in names(lanes, 20) if one]
    assert sum(one.startswith("silent") for one in taken) == 2
    assert sum(one.startswith("other") for one in taken) == 10


def test_a_service_that_is_not_offered_in_a_region_does_not_take_the_region_down():
    lanes = Lanes(limit=8)
    for _ in range(20):
        lanes.unanswered(HERE, "datasync")
    assert lanes.dead(HERE, "datasync")
    assert not lanes.dead(HERE, "ec2")
    assert not lanes.dead(THERE, "datasync")


def test_a_region_where_several_services_are_silent_is_given_up_whole():
    lanes = Lanes(limit=8)
    for service in ("ec2", "sqs", "s3"):
        lanes.unanswered(HERE, service)
    assert lanes.dead(HERE, "iam")
    assert lanes.dead(HERE)


def test_one_answer_brings_a_region_back_to_trust():
    lanes = Lanes(limit=8)
    lanes.unanswered(HERE, "ec2")
    lanes.unanswered(HERE, "sqs")
    lanes.answered(HERE, "ec2")
    lanes.unanswered(HERE, "s3")
    assert not lanes.dead(HERE)


def test_what_answered_before_is_waited_for_longer():
    lanes = Lanes(limit=8)
    lanes.answered(HERE, "s3")
    for _ in range(7):
        lanes.unanswered(HERE, "s3")
    assert not lanes.dead(HERE, "s3")
    lanes.unanswered(HERE, "s3")
    assert lanes.dead(HERE, "s3")


def test_tasks_of_a_given_up_region_are_let_through_to_be_refused_at_once():
    lanes = Lanes(limit=8)
    for number in range(10):
        lanes.put(number, HERE, f"t{number}", detail=False)
    for service in ("ec2", "sqs", "s3"):
        lanes.unanswered(HERE, service)
    assert len([one for one in names(lanes, 10) if one]) == 10
