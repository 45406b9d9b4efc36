"""The matrix products of a training step, against numbers worked out by hand."""

from collections import Counter

from stacks import EMBEDDING, FROZEN, MEAN, bag_of_words, network

from rnnbench.models.layers import Product, Shape


def of_layers(*layers, batch_size=6):
    """Return the products of a step on sequences of five steps, of nine ids and seven
    topics.
    """
    return network([*layers]).products(
        batch_size, Shape(timesteps=5, n_topics=7, n_ids=9)
    )


def kernel(rows, inner, columns):
    """Return the products of a kernel: forward, its gradient, and back to the
    inputs.
    """
    return [
        Product(rows, inner, columns),
        Product(inner, rows, columns),
        Product(rows, columns, inner),
    ]


def test_the_products_of_the_notebooks_lstm():
    lstm = network([{"lstm": {"units": 50}}])

    products = lstm.products(40, Shape(timesteps=49, n_topics=46, n_ids=30_000))

    assert Counter(products) == Counter(
        [
            Product(40, 50, 200, count=49),  # the hidden state, step by step
            Product(40, 200, 50, count=49),  # and back
            Product(50, 40 * 49, 200),  # gradient of the recurrent kernel
            Product(40 * 49, 1, 200),  # the word ids, to which no gradient passes back
            Product(1, 40 * 49, 200),  # gradient of the kernel
            *kernel(40, 50, 46),  # the topics
        ]
    )


def test_nothing_passes_back_to_word_counts_or_to_an_embedding_that_is_not_trained():
    topics = kernel(6, 3, 7)
    for below, rows, features, above in (
        (bag_of_words("tfidf"), 6, 9, []),
        (FROZEN, 30, 4, [MEAN]),
    ):
        products = of_layers(below, {"dense": {"units": 3}}, *above)
        assert Counter(products) == Counter([*kernel(rows, features, 3)[:2], *topics])


def test_the_cost_of_a_small_stack():
    stack = [
        EMBEDDING,
        {"spatial_dropout": {"rate": 0.1}},
        {"conv1d": {"filters": 4, "kernel_size": 2, "padding": "same"}},
        {"conv1d": {"filters": 4, "kernel_size": 3, "padding": "valid"}},
        {"conv1d": {"filters": 4, "kernel_size": 2, "padding": "causal"}},
        {"layer_norm": {}},
        {"bidirectional": {"layer": {"gru": {"units": 2, "return_sequences": True}}}},
        {"dense": {"units": 3}},
        {"pooling": {"by": "attention"}},
    ]

    conv = 3 * (30 * (2 * 4) * 4)  # eight numbers in a window
    conv += 3 * (18 * (3 * 4) * 4) + 3 * (18 * (2 * 4) * 4)  # three valid windows
    recurrent = 2 * (
        2 * 3 * (6 * 2 * 6) + 2 * 18 * 6
    )  # two directions, three gates of two units
    inputs = 3 * (18 * 4 * 12)
    dense = 3 * (18 * 4 * 3)
    attention = 3 * (18 * 3 * 3) + 3 * (18 * 3 * 1)
    topics = 3 * (6 * 3 * 7)
    assert cost_of(*stack) == conv + recurrent + inputs + dense + attention + topics


def cost_of(*stack):
    return sum(product.multiply_adds for product in of_layers(*stack))


def test_the_cost_of_attention_grows_with_the_square_of_the_steps():
    stack = [
        {"ngram_embedding": {"dim": 4}},  # nine steps: five words and four bigrams
        {"transformer_encoder": {"heads": 3, "units": 7}},
        MEAN,
    ]

    heads = 3 * (
        4 * (54 * 4 * 6)
    )  # queries, keys, values and their sum; heads of two features
    pairs = 3 * (
        2 * (6 * 3 * (9 * 9 * 2))
    )  # of 9 steps with 9, in 6 documents and 3 heads
    dense = 3 * (2 * (54 * 4 * 7))
    assert cost_of(*stack) == heads + pairs + dense + 3 * (6 * 4 * 7)
