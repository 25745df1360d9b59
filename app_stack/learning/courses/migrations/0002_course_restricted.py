from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [('courses', '0001_initial')]

    operations = [
        migrations.AddField(
            model_name='course', name='restricted', field=models.BooleanField(db_default=False, default=False)
        ),
    ]
