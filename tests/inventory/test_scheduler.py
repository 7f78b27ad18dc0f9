from windlass.inventory.scheduler import Scheduler

HERE, THERE = ("1", "here"), ("1", "there")


def names(scheduler, count):
    entries = [scheduler.take() for _ in range(count)]
    return [entry and entry[1] for entry in entries]


def filled(scheduler, **tasks_by_queue):
    for queue, tasks in tasks_by_queue.items():
        for task in tasks:
            scheduler.put(queue, HERE, task, detail=task.startswith("detail"))
    return scheduler


def grown(target=HERE, limit=64):
    scheduler = Scheduler(limit=limit)
    for _ in range(10):
        scheduler.call_answered(target, "s")
    return scheduler


def test_a_scope_with_many_tasks_does_not_stall_the_others():
    scheduler = filled(grown(), hot=[f"hot{n}" for n in range(1000)], cold=["cold1", "cold2"])
    assert "cold2" in names(scheduler, 4)


def test_details_go_before_further_pages_so_that_items_do_not_pile_up():
    assert names(filled(grown(), a=["page1", "detail1", "page2"]), 3) == ["detail1", "page1", "page2"]


def test_every_task_is_taken_exactly_once():
    scheduler = filled(grown(), a=["a1", "a2"], b=["b1"], c=["c1", "c2", "c3"])
    assert sorted(names(scheduler, 6)) == ["a1", "a2", "b1", "c1", "c2", "c3"]
    assert scheduler.take() is None
    scheduler.put("a", HERE, "again", detail=False)
    assert names(scheduler, 1) == ["again"]


def test_an_unknown_region_holds_at_most_two_workers():
    scheduler = Scheduler(limit=32)
    for number in range(10):
        scheduler.put(("silent", number), HERE, f"silent{number}", detail=False)
        scheduler.put(("other", number), THERE, f"other{number}", detail=False)
    for _ in range(5):
        scheduler.call_answered(THERE, "s")
    entries = [name for name in names(scheduler, 20) if name]
    assert sum(name.startswith("silent") for name in entries) == 2
    assert sum(name.startswith("other") for name in entries) == 10


def test_a_service_that_is_not_offered_in_a_region_does_not_take_the_region_down():
    scheduler = Scheduler(limit=8)
    for _ in range(20):
        scheduler.call_unanswered(HERE, "datasync")
    assert scheduler.is_given_up(HERE, "datasync")
    assert not scheduler.is_given_up(HERE, "ec2")
    assert not scheduler.is_given_up(THERE, "datasync")


def test_a_region_where_several_services_are_silent_is_given_up():
    scheduler = Scheduler(limit=8)
    for service in ("ec2", "sqs", "s3"):
        scheduler.call_unanswered(HERE, service)
    assert scheduler.is_given_up(HERE, "iam")
    assert scheduler.is_given_up(HERE)


def test_one_answer_resets_the_silence_of_a_region():
    scheduler = Scheduler(limit=8)
    scheduler.call_unanswered(HERE, "ec2")
    scheduler.call_unanswered(HERE, "sqs")
    scheduler.call_answered(HERE, "ec2")
    scheduler.call_unanswered(HERE, "s3")
    assert not scheduler.is_given_up(HERE)


def test_an_endpoint_that_answered_before_gets_more_patience():
    scheduler = Scheduler(limit=8)
    scheduler.call_answered(HERE, "s3")
    for _ in range(7):
        scheduler.call_unanswered(HERE, "s3")
    assert not scheduler.is_given_up(HERE, "s3")
    scheduler.call_unanswered(HERE, "s3")
    assert scheduler.is_given_up(HERE, "s3")


def test_tasks_of_a_given_up_region_are_handed_out_to_be_refused_at_once():
    scheduler = Scheduler(limit=8)
    for number in range(10):
        scheduler.put(number, HERE, f"t{number}", detail=False)
    for service in ("ec2", "sqs", "s3"):
        scheduler.call_unanswered(HERE, service)
    assert len([name for name in names(scheduler, 10) if name]) == 10


def test_what_others_gave_up_is_given_up_unless_it_answered_here():
    there, here = Scheduler(limit=8), Scheduler(limit=8)
    for service in ("ec2", "sqs", "s3"):
        there.call_unanswered(HERE, service)
    for _ in range(2):
        there.call_unanswered(THERE, "datasync")
    assert there.given_up() == {(*HERE, ""), (*THERE, "datasync")}
    here.give_up(there.given_up())
    assert here.is_given_up(HERE)
    assert here.is_given_up(HERE, "iam")
    assert here.is_given_up(THERE, "datasync")
    assert not here.is_given_up(THERE)
    assert here.given_up() == frozenset(), "it is not passed on as this process's own"
    for target, service in ((HERE, "ec2"), (THERE, "datasync")):
        here.call_answered(target, service)
    assert not here.is_given_up(HERE)
    assert not here.is_given_up(THERE, "datasync")


def test_a_task_is_runnable_only_while_its_region_has_room():
    scheduler = Scheduler(limit=8)
    for number in range(3):
        scheduler.put(number, HERE, f"t{number}", detail=False)
    assert scheduler.has_runnable()
    names(scheduler, 2)
    assert not scheduler.has_runnable()
    scheduler.put("other", THERE, "t", detail=False)
    assert scheduler.has_runnable()
