from factories import speed_results

from rnnbench.report.speed import contender_table, product_table, speed_table, to_speed_markdown


def test_a_model_is_compared_with_the_other_contenders_and_with_the_bound():
    table = speed_table(speed_results())

    model = dict(zip(table.headers, table.rows[0], strict=True))
    assert model == {
        "ms per step": "rnn",
        "compiled": "2.00",
        "keras": "10.00",
        "product bound": "1.25",
        "compiled / bound": "1.60",
        "keras / compiled": "5.00",
    }


def test_the_last_row_is_the_whole_table():
    table = speed_table(speed_results())

    assert table.rows[-1] == ["whole table, s", "10.0", "75.0", "-", "-", "7.50"]
    assert table.is_last_apart


def test_the_caption_says_what_was_timed_and_where():
    assert speed_table(speed_results()).caption == (
        "1 models, 1 seed(s), 200 epochs, 1,395 wires of 49 steps; medians over 1 round(s), the "
        "contenders in turn. The bound is the time of the matrix products alone, on one core. "
        "none, 2 cores."
    )


def test_without_our_engine_there_is_nothing_to_compare_with():
    results = speed_results()
    alone = results.model_copy(update={"contenders": results.contenders[1:]})

    assert speed_table(alone).headers == ["ms per step", "keras", "product bound"]


def test_each_contender_tells_what_it_costs_besides_steps():
    table = contender_table(speed_results())

    assert table.rows[0] == ["compiled", "2", "1", "1000.0", "3.8", "800", "0.5000"]
    assert table.caption == "Compiled: fast; keras: fast."


def test_each_product_is_listed_with_its_rate():
    assert product_table(speed_results()).rows == [["(5 x 6)(6 x 7)", "8.0", "0"]]


def test_markdown_has_all_three_tables():
    text = to_speed_markdown(speed_results())

    assert [text.count(each) for each in ("| ms per step |", "| contender |", "| product |")] == [
        1,
        1,
        1,
    ]
