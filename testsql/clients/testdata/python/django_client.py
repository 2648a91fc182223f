"""Drives a node with Django over psycopg 3: its mapper and its migrations."""

import datetime as dt
import io
import os
from decimal import Decimal

import django
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, models, transaction

settings.configure(
    INSTALLED_APPS=["django.contrib.postgres", "shop"],
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"], "NAME": os.environ["PGDATABASE"],
        "USER": os.environ["PGUSER"], "PASSWORD": os.environ["PGPASSWORD"],
        # The rest, as how the certificate is checked, libpq takes from the environment.
        "OPTIONS": {"channel_binding": "require", "server_side_binding": True, "prepare_threshold": 5},
    }},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    TIME_ZONE="UTC",
)
django.setup()

from django.db.models import Avg, Count, Exists, F, OuterRef, Q, Sum, Window
from django.db.models.functions import Rank, TruncMonth

from common import COLUMNS, DEFINITION, EVERYTHING, Repeated, equal, expect_everything, fails, ok, row, user
from shop.models import Customer, Everything, Number, Order


def execute(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def connect():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        equal(cursor.fetchone(), (user(),))


def types():
    execute(DEFINITION)
    for values in EVERYTHING:
        Everything.objects.create(**dict(zip(COLUMNS, values)))
    expect_everything(Everything.objects.order_by("id").values_list(*COLUMNS))


def prepared():
    execute("CREATE TABLE numbers (n int PRIMARY KEY)")
    for n in range(1000):
        Number.objects.create(n=n)


def state(error):
    return error.__cause__.sqlstate


def block():
    with transaction.atomic():
        Number.objects.create(n=2000)
        equal(state(fails(IntegrityError, Number.objects.create, n=1)), "23505")
        connection.needs_rollback = False  # Django itself sends nothing in such a block
        equal(state(fails(DatabaseError, execute, "SELECT 1")), "25P02")
        transaction.set_rollback(True)
    with transaction.atomic():
        Number.objects.create(n=1000)
        try:
            with transaction.atomic():
                Number.objects.create(n=1)
        except IntegrityError:
            pass


def cancel():
    with Repeated(connection.connection.cancel_safe):
        equal(state(fails(DatabaseError, execute, "SELECT pg_sleep(60)")), "57014")
    execute("SELECT 1")


# example: begin
def follow():
    """Prints the rows of a stream as they come, with psycopg's stream(). Closing the
    iterator ends the query."""
    with connection.cursor() as cursor:
        rows = cursor.stream("SELECT n FROM ticks EMIT CHANGES WITH (snapshot = true)")
        for (n,) in rows:
            row("ticks", n)
            if n == 20:
                rows.close()


# example: end


def push():
    execute("CREATE STREAM ticks (n int)")
    execute("INSERT INTO ticks VALUES (0)")
    follow()
    execute("SELECT 1")


def migrate():
    call_command("migrate", verbosity=0)
    equal(Customer.objects.get().facts, {"by": "migration"})
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)  # the models are as migrated


def mapper():
    first = Customer.objects.get()
    more = Customer.objects.bulk_create([Customer(name=f"customer {n}", facts={"n": n, "odd": n % 2 == 1}) for n in range(20)])
    assert all(customer.pk for customer in more)
    Order.objects.bulk_create([
        Order(customer=customer, amount=Decimal(n), made=dt.date(2024, 1 + n % 3, 1 + day), tags=["a", str(day)])
        for n, customer in enumerate(more) for day in range(3)
    ])
    equal(Order.objects.create(customer=first, made=dt.date(2024, 5, 1)).amount, Decimal(0))
    equal(Order.objects.aggregate(Sum("amount"), Count("id")), {"amount__sum": Decimal(570), "id__count": 61})
    by_month = Order.objects.filter(amount__gt=0).annotate(month=TruncMonth("made")).values("month").annotate(n=Count("*"), mean=Avg("amount"))
    equal([(m["month"].month, m["n"], m["mean"]) for m in by_month.order_by("month")],
          [(1, 18, Decimal("10.5")), (2, 21, Decimal("10")), (3, 18, Decimal("9.5"))])
    equal(Order.objects.select_related("customer").filter(customer__name__icontains="CUSTOMER 1", tags__contains=["2"]).count(), 11)
    equal(Customer.objects.filter(facts__odd=True, facts__n__gte=10).count(), 5)
    equal(Customer.objects.filter(Q(name__startswith="customer") & ~Exists(Order.objects.filter(customer=OuterRef("pk"), amount__lt=18))).count(), 2)
    ranked = Order.objects.annotate(place=Window(Rank(), order_by=F("amount").desc())).order_by("place", "id")
    equal([o.place for o in ranked[:4]], [1, 1, 1, 4])
    equal(len(Customer.objects.prefetch_related("orders").order_by("id")[1].orders.all()), 3)
    equal(Order.objects.filter(amount=19).update(amount=F("amount") * 2, state="paid"), 3)
    with transaction.atomic():
        one = Customer.objects.select_for_update().get(name="customer 3")
        one.name = "third"
        one.save()
    Customer.objects.bulk_create([Customer(name="third", facts={"again": True})], update_conflicts=True, unique_fields=["name"], update_fields=["facts"])
    equal(Customer.objects.get(name="third").facts, {"again": True})
    Customer.objects.bulk_create([Customer(name="third")], ignore_conflicts=True)
    equal(Customer.objects.get_or_create(name="third")[1], False)
    equal(Customer.objects.update_or_create(name="fourth", defaults={"facts": {}})[1], True)
    equal(state(fails(IntegrityError, Customer.objects.create, name="")), "23514")
    equal(sum(1 for _ in Order.objects.iterator(chunk_size=10)), 61)
    equal(Customer.objects.filter(name__in=["third", "fourth"]).delete()[0], 5)
    equal(Order.objects.order_by("customer", "-made").distinct("customer").count(), 20)
    equal(len(Order.objects.values_list("state").union(Customer.objects.values_list("name"))), 22)


def introspect():
    with connection.cursor() as cursor:
        tables = {t.name: t.type for t in connection.introspection.get_table_list(cursor)}
        equal([tables["shop_order"], tables["numbers"]], ["t", "t"])
        constraints = connection.introspection.get_constraints(cursor, "shop_order")
        equal([c["columns"] for c in constraints.values() if c["primary_key"]], [["id"]])
        equal(constraints["one_order_a_day"]["columns"], ["customer_id", "made"])
        equal(connection.introspection.get_sequences(cursor, "shop_order")[0]["column"], "id")
    models_of_tables = io.StringIO()
    call_command("inspectdb", "shop_order", "shop_customer", stdout=models_of_tables)
    for part in "name = models.CharField(unique=True, max_length=40)", "max_digits=10, decimal_places=2", "unique_together = (('customer_id', 'made'),)":
        assert part in models_of_tables.getvalue(), models_of_tables.getvalue()


def unmigrate():
    call_command("migrate", "shop", "zero", verbosity=0)
    equal([t for t in connection.introspection.table_names() if t.startswith("shop")], [])


def main():
    for step in connect, types, prepared, block, cancel, push, migrate, mapper, introspect, unmigrate:
        step()
        ok({"block": "transaction", "mapper": "orm"}.get(step.__name__, step.__name__))


main()
