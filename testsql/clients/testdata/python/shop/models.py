from django.contrib.postgres.fields import ArrayField
from django.db import models


class Timestamp(models.DateTimeField):
    """A timestamp without time zone, which Django itself has no field for."""

    def db_type(self, connection):
        return "timestamp"

    def get_prep_value(self, value):
        return value


class Json(models.JSONField):
    """A json, which psycopg makes a value of by itself, unlike jsonb in Django."""

    def db_type(self, connection):
        return "json"

    def from_db_value(self, value, expression, connection):
        return value


class Everything(models.Model):
    id = models.IntegerField(primary_key=True)
    b = models.BooleanField(null=True)
    i2 = models.SmallIntegerField(null=True)
    i4 = models.IntegerField(null=True)
    i8 = models.BigIntegerField(null=True)
    f4 = models.FloatField(null=True)
    f8 = models.FloatField(null=True)
    n = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    t = models.TextField(null=True)
    vc = models.CharField(max_length=20, null=True)
    ch = models.CharField(max_length=6, null=True)
    by = models.BinaryField(null=True)
    d = models.DateField(null=True)
    ti = models.TimeField(null=True)
    ts = Timestamp(null=True)
    tz = models.DateTimeField(null=True)
    iv = models.DurationField(null=True)
    u = models.UUIDField(null=True)
    j = Json(null=True)
    jb = models.JSONField(null=True)
    ia = ArrayField(models.IntegerField(null=True), null=True)
    ta = ArrayField(models.TextField(null=True), null=True)

    class Meta:
        managed = False
        db_table = "everything"


class Number(models.Model):
    n = models.IntegerField(primary_key=True)

    class Meta:
        managed = False
        db_table = "numbers"


class Customer(models.Model):
    name = models.CharField(max_length=40, unique=True)
    since = models.DateTimeField(auto_now_add=True)
    facts = models.JSONField(default=dict)

    class Meta:
        constraints = [models.CheckConstraint(condition=~models.Q(name=""), name="customer_has_a_name")]
        indexes = [models.Index(fields=["-since", "name"], name="newest_customers")]


class Order(models.Model):
    customer = models.ForeignKey(Customer, models.CASCADE, db_constraint=False, related_name="orders")
    amount = models.DecimalField(max_digits=10, decimal_places=2, db_default=0)
    made = models.DateField(db_index=True)
    state = models.SlugField(max_length=10, default="new")
    tags = ArrayField(models.CharField(max_length=10), default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["customer", "made"], name="one_order_a_day")]
        ordering = ["made"]
