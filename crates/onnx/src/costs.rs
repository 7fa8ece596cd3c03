//! How much work the operators of a graph are, as tract knows it: for pauses in time.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{Cost, SymbolValues};

/// Multiplications of each node.
#[derive(Debug)]
pub(crate) struct Costs(Vec<TDim>);

impl Costs {
    /// Those of a model whose nodes stay as they are.
    pub(crate) fn of(model: &TypedModel) -> TractResult<Self> {
        let nodes = model.nodes().iter().map(|node| {
            let facts = model.node_input_facts(node.id)?;
            let costs = node.op.cost(&facts)?.into_iter();
            let counted = costs.filter(|(cost, _)| Cost::is_compute(cost));
            Ok(counted.fold(TDim::from(0), |sum, (_, count)| sum + count))
        });
        Ok(Self(nodes.collect::<TractResult<_>>()?))
    }

    /// Those of a node, for inputs of these lengths. 0 where tract does not know.
    pub(crate) fn of_node(&self, node: usize, lengths: &SymbolValues) -> usize {
        let known = |cost: &TDim| {
            let cost = cost.to_i64().or_else(|_| cost.eval(lengths).to_i64());
            usize::try_from(cost.ok()?).ok()
        };
        self.0.get(node).and_then(known).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use tract_onnx::tract_core::ops::einsum::EinSum;

    use super::*;

    #[test]
    fn a_product_costs_its_multiplications() {
        let mut model = TypedModel::default();
        let rows = model.symbols.sym("rows");
        let input = f32::fact([rows.to_dim(), 5.to_dim()]);
        let input = model.add_source("input", input).unwrap();
        let weights = Tensor::zero::<f32>(&[5, 7]).unwrap();
        let weights = model.add_const("weights", weights).unwrap();
        let product = EinSum::new("ik,kj->ij".parse().unwrap(), f32::datum_type());
        let product = model.wire_node("product", product, &[input, weights]);
        model.select_output_outlets(&product.unwrap()).unwrap();
        let model = model.into_optimized().unwrap();
        let costs = Costs::of(&model).unwrap();
        let lengths = SymbolValues::default().with(&rows, 3);
        let all = model.nodes().iter();
        let sum: usize = all.map(|node| costs.of_node(node.id, &lengths)).sum();
        assert_eq!(sum, 3 * 5 * 7);
        assert_eq!(costs.of_node(model.nodes().len(), &lengths), 0);
    }
}
