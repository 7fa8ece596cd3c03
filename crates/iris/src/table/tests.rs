use proptest::prelude::*;

use super::*;

fn flower(centimetres: [f64; 4]) -> Measurement {
    Measurement::new(centimetres).expect("valid")
}

fn refusal(text: &str) -> String {
    parse(text.as_bytes()).expect_err(text).to_string()
}

#[test]
fn reads_four_numbers_without_a_header() {
    let expected = [flower([5.1, 3.5, 1.4, 0.2]), flower([7.0, 3.2, 4.7, 1.4])];
    for text in [
        "5.1,3.5,1.4,0.2\n7,3.2,4.7,1.4",
        "5.1,3.5,1.4,0.2\r\n7,3.2,4.7,1.4\r\n",
        "5.1,3.5,1.4,0.2\r7,3.2,4.7,1.4\r",
        "\u{feff}5.1,3.5,1.4,0.2\n7,3.2,4.7,1.4\n",
        "\n\n 5.1 , 3.5,1.4,0.2\n   \n\"7\",3.2e0,\"4.7\",1.4\n\n",
    ] {
        assert_eq!(parse(text.as_bytes()).expect(text), expected);
    }
}

#[test]
fn knows_the_usual_headers() {
    for header in [
        "sepal_length,sepal_width,petal_length,petal_width",
        "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)",
        "SepalLengthCm,SepalWidthCm,PetalLengthCm,PetalWidthCm",
        "\"Sepal.Length\",\"Sepal.Width\",\"Petal.Length\",\"Petal.Width\"",
        "sepal length in cm,SEPAL WIDTH,petal-length [cm],petalWidth",
        "\u{feff}sepal_length,sepal_width,petal_length,petal_width\r",
    ] {
        let text = format!("{header}\n5.1,3.5,1.4,0.2\n");
        assert_eq!(
            parse(text.as_bytes()).expect(header),
            [flower([5.1, 3.5, 1.4, 0.2])]
        );
    }
}

#[test]
fn the_header_tells_the_separator() {
    let expected = [flower([5.1, 3.5, 1.4, 0.2])];
    for text in [
        "sepal_length;sepal_width;petal_length;petal_width\n5.1;3.5;1.4;0.2\n",
        "\u{feff}\"Sepal.Length\";\"Sepal.Width\";\"Petal.Length\";\"Petal.Width\"\r\n5,1;3,5;1,4;0,2\r\n",
        "\n\nsepal_length\tsepal_width\tpetal_length\tpetal_width\n5.1\t3,5\t1.4\t0.2",
        "id\tpetal width, cm\tsepal length, cm\tsepal width, cm\tpetal length, cm\n1\t0.2\t5.1\t3.5\t1.4",
        "sepal_length,sepal_width,petal_length,petal_width,\"note; remark\"\n5.1,3.5,1.4,0.2,a;b\n",
    ] {
        assert_eq!(parse(text.as_bytes()).expect(text), expected);
    }
}

#[test]
fn takes_columns_by_name_and_ignores_the_others() {
    let text = "Id,PetalWidthCm,species,SepalLengthCm,PetalLengthCm,SepalWidthCm\n1,0.2,\"Iris, setosa\",5.1,1.4,3.5\n";
    assert_eq!(
        parse(text.as_bytes()).expect(text),
        [flower([5.1, 3.5, 1.4, 0.2])]
    );
    let latin_1 =
        b"sepal_length,sepal_width,petal_length,petal_width,remark\n5.1,3.5,1.4,0.2,sch\xF6n\n";
    assert_eq!(
        parse(latin_1).expect("ignored column"),
        [flower([5.1, 3.5, 1.4, 0.2])]
    );
}

#[test]
fn says_what_is_wrong_and_where() {
    let header = "sepal_length,sepal_width,petal_length,petal_width";
    for (text, message) in [
        ("", "the table has no rows"),
        ("\u{feff}\r\n \n", "the table has no rows"),
        (header, "the table has no rows"),
        (
            "sepal_length,sepal_width,petal_length\n1,2,3",
            "line 1: the header has no column petal_width",
        ),
        (
            "a,b,c,d\n1,2,3,4",
            "line 1: the header has no column sepal_length",
        ),
        (
            "sepal_length (mm),sepal_width,petal_length,petal_width",
            "line 1: the header has no column sepal_length",
        ),
        (
            "\n\nsepal_length,Sepal Length",
            "line 3: the header has two columns sepal_length",
        ),
        (
            "5.1;3.5;1.4;0.2",
            "line 1: the columns are separated by semicolons instead of commas; \
             add a header line, or use commas",
        ),
        (
            "5,1;3,5;1,4;0,2",
            "line 1: the columns are separated by semicolons instead of commas; \
             add a header line, or use commas",
        ),
        (
            "5.1\t3.5\t1.4\t0.2",
            "line 1: the columns are separated by tabs instead of commas; \
             add a header line, or use commas",
        ),
        (
            "sepal_length|sepal_width|petal_length|petal_width\n5.1|3.5|1.4|0.2",
            "line 1: the columns are separated by vertical bars instead of commas; use commas",
        ),
        (
            "5.1 3.5 1.4 0.2",
            "line 1: the columns are separated by spaces instead of commas; use commas",
        ),
        (
            "sepal_length;sepal_width;petal_length;petal_width\n5.1;3,5,1;1.4;0.2",
            "line 2: sepal_width is not a number: \"3,5,1\"",
        ),
        (
            "sepal_length;sepal_width;petal_length;petal_width\n5.1,3.5,1.4,0.2",
            "line 2: 1 columns, where the header has 4",
        ),
        (
            "5\u{0}.\u{0}1\u{0}",
            "the table is in UTF-16, expected UTF-8",
        ),
        (
            "5.1,3.5,1.4,0.2\n5.1,3.5,1.4,0.2,setosa",
            "line 2: 5 comma-separated columns instead of the four measurements; \
             a table with other columns needs a header line",
        ),
        (
            &format!("{header}\n\n1,2,3\n"),
            "line 3: 3 columns, where the header has 4",
        ),
        (
            &format!("{header}\r\n1,2,3,4\r\n\r\n1,2,x,4\r\n"),
            "line 4: petal_length is not a number: \"x\"",
        ),
        (
            &format!("{header}\r1,2,3,4\r\r1,2,,4\r"),
            "line 4: petal_length is not a number: \"\"",
        ),
        (
            &format!("{header},note\n1,2,3,4,\"a\nb\"\n1,x,3,4,c\n"),
            "line 4: sepal_width is not a number: \"x\"",
        ),
        (
            "1,2,3,4\n1,2,3,0\n",
            "line 2: petal_width must be above 0 and at most 100 cm, not 0.0",
        ),
        (
            "1,NaN,3,4\n",
            "line 1: sepal_width must be above 0 and at most 100 cm, not NaN",
        ),
        (
            "1,2,1e999,4\n",
            "line 1: petal_length must be above 0 and at most 100 cm, not inf",
        ),
    ] {
        assert_eq!(refusal(text), message, "{text:?}");
    }
}

#[test]
fn quotes_only_the_beginning_of_a_long_field() {
    assert!(refusal(&format!("1,2,{},4", "é".repeat(100_000))).len() < 200);
}

#[test]
fn stops_at_the_limit() {
    let text = "5.1,3.5,1.4,0.2\n".repeat(MAX_ROWS + 1);
    assert!(matches!(
        parse(text.as_bytes()),
        Err(TableError::TooManyRows)
    ));
    assert_eq!(
        parse(&text.as_bytes()[16..]).expect("at the limit").len(),
        MAX_ROWS
    );
}

/// The inverse of [`parse`], for a permutation of the columns.
fn write(flowers: &[Measurement], order: &[usize], separator: &str, line_end: &str) -> String {
    let row = |fields: [String; 4]| {
        order
            .iter()
            .map(|&column| fields[column].clone())
            .collect::<Vec<_>>()
            .join(separator)
    };
    let rows = flowers
        .iter()
        .map(|flower| row(flower.centimetres().map(|value| format!("{value:?}"))));
    std::iter::once(row(Feature::ALL.map(|feature| feature.to_string())))
        .chain(rows)
        .collect::<Vec<_>>()
        .join(line_end)
}

proptest! {
    #[test]
    fn reads_what_was_written(
        rows in prop::collection::vec(prop::array::uniform4(f64::MIN_POSITIVE..=100.0), 1..20),
        order in Just(vec![0, 1, 2, 3]).prop_shuffle(),
        separator in prop::sample::select(vec![",", ";", "\t"]),
        line_end in prop::sample::select(vec!["\n", "\r\n", "\r", "\n\n"]),
    ) {
        let flowers: Vec<_> = rows.into_iter().map(flower).collect();
        prop_assert_eq!(parse(write(&flowers, &order, separator, line_end).as_bytes()).expect("valid"), flowers);
    }

    #[test]
    fn takes_any_bytes(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&text);
    }

    #[test]
    fn takes_anything_that_looks_like_a_table(text in "[0-9.,eE+\\-\"\r\n sepal_width]{0,200}") {
        let _ = parse(text.as_bytes());
    }

    #[test]
    fn finds_the_line_of_a_fault(before in 0_usize..20, blank in prop::collection::vec(0_usize..3, 20)) {
        let mut text = String::new();
        for blank in &blank[..before] {
            text.push_str("1,2,3,4\r\n");
            text.push_str(&"\r\n".repeat(*blank));
        }
        let line = text.lines().count() + 1;
        text.push_str("1,2,3,x");
        prop_assert_eq!(refusal(&text), format!("line {line}: petal_width is not a number: \"x\""));
    }
}
