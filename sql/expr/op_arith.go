package expr

func (b *builder) defineArithmetic() {
	b.defineIntegerOperators()
	b.defineFloatOperators()
	b.defineNumericOperators()
}
