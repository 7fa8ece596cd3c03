//! Schemas that are narrower than the serde types.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    Array, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, Schema, Type,
};

use crate::{MAX_CENTIMETRES, MAX_ROWS};

/// `[4]` or `[n, 4]`.
pub(super) fn shape() -> Schema {
    let four = || integer(4, 4);
    let rows = integer(1, MAX_ROWS);
    OneOfBuilder::new()
        .item(tuple([four()]))
        .item(tuple([rows, four()]))
        .examples([[1, 4]])
        .build()
        .into()
}

/// Measurements, flat or row by row. A schema cannot express that their number must match the shape.
pub(super) fn data() -> Schema {
    let centimetres = || {
        ObjectBuilder::new()
            .schema_type(Type::Number)
            .exclusive_minimum(Some(0))
            .maximum(Some(MAX_CENTIMETRES))
            .build()
    };
    let row = ArrayBuilder::new()
        .items(centimetres())
        .min_items(Some(4))
        .max_items(Some(4));
    let flat = ArrayBuilder::new().items(centimetres()).min_items(Some(4));
    let rows = ArrayBuilder::new()
        .items(RefOr::T(Schema::Array(row.build())))
        .min_items(Some(1))
        .max_items(Some(MAX_ROWS));
    OneOfBuilder::new()
        .item(flat.build())
        .item(rows.build())
        .examples([[5.1, 3.5, 1.4, 0.2]])
        .build()
        .into()
}

fn integer(minimum: usize, maximum: usize) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(minimum))
        .maximum(Some(maximum))
        .build()
}

fn tuple<const N: usize>(items: [Object; N]) -> Array {
    ArrayBuilder::new()
        .prefix_items(items.map(|item| RefOr::T(Schema::Object(item))))
        .min_items(Some(N))
        .max_items(Some(N))
        .build()
}
